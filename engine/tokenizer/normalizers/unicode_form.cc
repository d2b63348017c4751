#include "engine/tokenizer/normalizers/unicode_form.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "engine/tokenizer/image/component_tags.h"
#include "engine/tokenizer/text/utf8.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

// The longest decomposition of one character, U+FDFA, has 18.
constexpr int kMaxDecomposition = 32;

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

class Form : public TextNormalizer {
 public:
  explicit Form(UnicodeForm form) : form_(form) {}

  absl::Status Normalize(std::string& text, EncodeCancellation& cancellation) const override {
    if (IsUnchanged(text, form_)) {
      return absl::OkStatus();
    }
    std::vector<utf8proc_int32_t> code_points;
    FIRSTLIGHT_RETURN_IF_ERROR(Decompose(text, cancellation, code_points));
    if (form_.compose) {
      const utf8proc_ssize_t length = utf8proc_normalize_utf32(
          code_points.data(), static_cast<utf8proc_ssize_t>(code_points.size()),
          static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE));
      if (length < 0) {
        return absl::InternalError(StrCat("utf8proc: ", utf8proc_errmsg(length)));
      }
      code_points.resize(static_cast<size_t>(length));
    }
    text.clear();
    for (const utf8proc_int32_t code_point : code_points) {
      AppendUtf8(static_cast<char32_t>(code_point), text);
      FIRSTLIGHT_RETURN_IF_ERROR(cancellation.Check(1));
    }
    return absl::OkStatus();
  }

  void Save(ImageWriter& image) const override {
    image.Write(NormalizerTag::kUnicodeForm);
    image.Write(form_.compatibility);
    image.Write(form_.compose);
  }

 private:
  // Full decomposition, combining marks in canonical order. utf8proc's own function sorts a run of
  // marks in quadratic time, and a text can be one run.
  absl::Status Decompose(std::string_view text, EncodeCancellation& cancellation,
                         std::vector<utf8proc_int32_t>& code_points) const {
    const auto options = static_cast<utf8proc_option_t>(
        form_.compatibility ? UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_STABLE
                            : UTF8PROC_DECOMPOSE | UTF8PROC_STABLE);
    code_points.reserve(text.size());
    size_t marks_begin = 0;
    std::array<utf8proc_int32_t, kMaxDecomposition> parts{};
    while (!text.empty()) {
      FIRSTLIGHT_RETURN_IF_ERROR(cancellation.Check(2));
      const Utf8Character character = DecodeUtf8(text);
      text.remove_prefix(character.length);
      int boundary_class = 0;
      const utf8proc_ssize_t count =
          utf8proc_decompose_char(static_cast<utf8proc_int32_t>(character.code_point), parts.data(),
                                  kMaxDecomposition, options, &boundary_class);
      if (count < 0 || count > kMaxDecomposition) {
        return absl::InternalError(StrCat("utf8proc: ", utf8proc_errmsg(count)));
      }
      for (utf8proc_ssize_t i = 0; i < count; ++i) {
        if (CombiningClass(parts[i]) == 0) {
          SortMarks(code_points, marks_begin);
          marks_begin = code_points.size() + 1;
        }
        code_points.push_back(parts[i]);
      }
    }
    SortMarks(code_points, marks_begin);
    return absl::OkStatus();
  }

  // By combining class; marks of the same class keep their order.
  static void SortMarks(std::vector<utf8proc_int32_t>& code_points, size_t begin) {
    if (code_points.size() <= begin + 1) return;
    struct Mark {
      uint8_t combining_class;
      size_t place;
      utf8proc_int32_t code_point;
    };
    std::vector<Mark> marks;
    marks.reserve(code_points.size() - begin);
    for (size_t i = begin; i < code_points.size(); ++i) {
      marks.push_back({CombiningClass(code_points[i]), i, code_points[i]});
    }
    std::sort(marks.begin(), marks.end(), [](const Mark& a, const Mark& b) {
      return a.combining_class != b.combining_class ? a.combining_class < b.combining_class
                                                    : a.place < b.place;
    });
    for (size_t i = begin; i < code_points.size(); ++i)
      code_points[i] = marks[i - begin].code_point;
  }

  const UnicodeForm form_;
};

}  // namespace

std::unique_ptr<const TextNormalizer> UnicodeFormNormalizer(UnicodeForm form) {
  return std::make_unique<Form>(form);
}

}  // namespace firstlight
