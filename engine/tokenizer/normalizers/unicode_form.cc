#include "engine/tokenizer/normalizers/unicode_form.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/tokenizer/image/component_tags.h"
#include "engine/tokenizer/text/utf8.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

// The longest decomposition of one character, U+FDFA, has 18.
constexpr int kMaxDecomposition = 32;
constexpr utf8proc_int32_t kFirstHangulVowel = 0x1160;
constexpr utf8proc_int32_t kLastHangulFinal = 0x11FF;

uint8_t CombiningClass(utf8proc_int32_t code_point) {
  return static_cast<uint8_t>(utf8proc_get_property(code_point)->combining_class);
}

// Every form leaves characters below this alone: U+00C0 is the first with a canonical
// decomposition, U+00A0 the first with a compatibility one, and nothing that combines is below.
bool IsUnchanged(std::string_view text, UnicodeForm form) {
  if (form.compatibility) {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  }
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0xC3; });
}

// Whether a character never changes with what stands before it: it neither moves, as marks do, nor
// composes. What composes with a character before it is a mark, or the vowel or final of a Hangul
// syllable.
bool StandsApart(utf8proc_int32_t code_point) {
  const utf8proc_property_t* const property = utf8proc_get_property(code_point);
  const auto category = static_cast<utf8proc_category_t>(property->category);
  return property->combining_class == 0 && category != UTF8PROC_CATEGORY_MN &&
         category != UTF8PROC_CATEGORY_MC && category != UTF8PROC_CATEGORY_ME &&
         (code_point < kFirstHangulVowel || code_point > kLastHangulFinal);
}

// By combining class; marks of the same class keep their order. utf8proc's own function sorts a run
// of marks in quadratic time, and a text can be one run.
void SortMarks(absl::Span<utf8proc_int32_t> marks) {
  if (marks.size() < 2) return;
  // Class and place, then the mark.
  std::vector<std::pair<uint64_t, utf8proc_int32_t>> placed;
  placed.reserve(marks.size());
  for (const utf8proc_int32_t mark : marks) {
    placed.emplace_back(uint64_t{CombiningClass(mark)} << 56 | placed.size(), mark);
  }
  std::sort(placed.begin(), placed.end());
  for (size_t i = 0; i < marks.size(); ++i) marks[i] = placed[i].second;
}

// Each run of marks.
void SortAllMarks(std::vector<utf8proc_int32_t>& code_points) {
  size_t begin = 0;
  for (size_t i = 0; i <= code_points.size(); ++i) {
    if (i == code_points.size() || CombiningClass(code_points[i]) == 0) {
      SortMarks(absl::MakeSpan(code_points).subspan(begin, i - begin));
      begin = i + 1;
    }
  }
}

class Form : public TextNormalizer {
 public:
  explicit Form(UnicodeForm form) : form_(form) {}

  absl::Status Normalize(NormalizedText& text, EncodeCancellation& cancellation) const override {
    if (IsUnchanged(text.text(), form_)) {
      return absl::OkStatus();
    }
    Rewriting rewriting(text);
    // Decomposed characters, from one that stands apart on, and the bytes that they stand for.
    Segment segment;
    std::array<utf8proc_int32_t, kMaxDecomposition> parts{};
    std::string_view rest = text.text();
    while (!rest.empty()) {
      FIRSTLIGHT_RETURN_IF_ERROR(cancellation.Check(2));
      const Utf8Character character = DecodeUtf8(rest);
      rest.remove_prefix(character.length);
      FIRSTLIGHT_ASSIGN_OR_RETURN(
          const absl::Span<const utf8proc_int32_t> decomposed,
          Decompose(static_cast<utf8proc_int32_t>(character.code_point), absl::MakeSpan(parts)));
      if (!decomposed.empty() && StandsApart(decomposed[0])) {
        FIRSTLIGHT_RETURN_IF_ERROR(Put(segment, rewriting));
      }
      segment.code_points.insert(segment.code_points.end(), decomposed.begin(), decomposed.end());
      segment.bytes += character.length;
    }
    FIRSTLIGHT_RETURN_IF_ERROR(Put(segment, rewriting));
    rewriting.Finish();
    return absl::OkStatus();
  }

  void Save(ImageWriter& image) const override {
    image.Write(NormalizerTag::kUnicodeForm);
    image.Write(form_.compatibility);
    image.Write(form_.compose);
  }

 private:
  struct Segment {
    std::vector<utf8proc_int32_t> code_points;
    size_t bytes = 0;
    std::string normalized;
  };

  absl::StatusOr<absl::Span<const utf8proc_int32_t>> Decompose(
      utf8proc_int32_t code_point, absl::Span<utf8proc_int32_t> parts) const {
    const auto options = static_cast<utf8proc_option_t>(
        form_.compatibility ? UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_STABLE
                            : UTF8PROC_DECOMPOSE | UTF8PROC_STABLE);
    int boundary_class = 0;
    const utf8proc_ssize_t count = utf8proc_decompose_char(
        code_point, parts.data(), kMaxDecomposition, options, &boundary_class);
    if (count < 0 || count > kMaxDecomposition) {
      return absl::InternalError(StrCat("utf8proc: ", utf8proc_errmsg(count)));
    }
    return absl::Span<const utf8proc_int32_t>(parts.data(), static_cast<size_t>(count));
  }

  // Hands the segment on, in order and composed, and clears it.
  absl::Status Put(Segment& segment, Rewriting& rewriting) const {
    std::vector<utf8proc_int32_t>& code_points = segment.code_points;
    if (code_points.size() > 1) {
      SortAllMarks(code_points);
      if (form_.compose) {
        const utf8proc_ssize_t length = utf8proc_normalize_utf32(
            code_points.data(), static_cast<utf8proc_ssize_t>(code_points.size()),
            static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE));
        if (length < 0) {
          return absl::InternalError(StrCat("utf8proc: ", utf8proc_errmsg(length)));
        }
        code_points.resize(static_cast<size_t>(length));
      }
    }
    segment.normalized.clear();
    for (const utf8proc_int32_t code_point : code_points) {
      AppendUtf8(static_cast<char32_t>(code_point), segment.normalized);
    }
    rewriting.Replace(segment.bytes, segment.normalized);
    code_points.clear();
    segment.bytes = 0;
    return rewriting.CheckSize();
  }

  const UnicodeForm form_;
};

}  // namespace

std::unique_ptr<const TextNormalizer> UnicodeFormNormalizer(UnicodeForm form) {
  return std::make_unique<Form>(form);
}

}  // namespace firstlight
