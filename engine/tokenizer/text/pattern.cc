#include "engine/tokenizer/text/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "engine/tokenizer/text/pattern_translation.h"
#include "engine/tokenizer/text/utf8.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

// The longest published pattern has about 500 bytes.
constexpr size_t kMaxPatternBytes = 16384;
constexpr uint32_t kMaxNesting = 100;
// Backtracking points of a match from one position. The published patterns need a handful; a
// pathological one reaches this within a fraction of a second.
constexpr uint32_t kMatchLimit = 5'000'000;
// PCRE2 does not return between positions and cannot be interrupted. So a search first looks at a
// window of positions with this limit for each, and where it is not enough goes through the window
// position by position, with limits that grow by a factor of eight and a look at the clock between
// two tries.
constexpr uint32_t kQuickMatchLimit = 1024;
constexpr uint32_t kMatchLimitGrowth = 8;
// Each position of a window may read the rest of the text in vain: characters read that way in one
// call, a good part of a second.
constexpr size_t kWindowReads = size_t{1} << 29;
constexpr size_t kReadsPerStep = 64;
constexpr size_t kSmallestWindow = 16;
constexpr size_t kLargestWindow = 4096;
// What a search counts as towards the next look whether anybody waits for the result. It costs a
// few steps in a good pattern and milliseconds in a hostile one, and does not tell which.
constexpr size_t kSearchSteps = 2048;
constexpr uint32_t kHeapLimitKib = 16 * 1024;
// The compiled code backtracks on 32 KiB of the thread's stack; a match that needs more is tried
// once more on a stack of this size.
constexpr size_t kJitStackBytes = size_t{8} << 20;

template <auto Free>
struct Pcre2Deleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Code = std::unique_ptr<pcre2_code, Pcre2Deleter<pcre2_code_free>>;
using CompileContext =
    std::unique_ptr<pcre2_compile_context, Pcre2Deleter<pcre2_compile_context_free>>;
using MatchContext = std::unique_ptr<pcre2_match_context, Pcre2Deleter<pcre2_match_context_free>>;
using MatchData = std::unique_ptr<pcre2_match_data, Pcre2Deleter<pcre2_match_data_free>>;
using JitStack = std::unique_ptr<pcre2_jit_stack, Pcre2Deleter<pcre2_jit_stack_free>>;

std::string ErrorText(int code) {
  std::array<PCRE2_UCHAR, 256> text{};
  pcre2_get_error_message(code, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

PCRE2_SPTR Units(std::string_view text) { return reinterpret_cast<PCRE2_SPTR>(text.data()); }

// One search through one text.
class Search {
 public:
  Search(const pcre2_code* code, std::string_view text, EncodeCancellation& cancellation)
      : code_(code),
        text_(text),
        cancellation_(cancellation),
        window_(std::clamp(kWindowReads / std::max<size_t>(text.size(), 1), kSmallestWindow,
                           kLargestWindow)),
        context_(pcre2_match_context_create(nullptr)),
        data_(pcre2_match_data_create(1, nullptr)) {
    pcre2_set_heap_limit(context_.get(), kHeapLimitKib);
  }

  // The first match at or after `from`; false when there is none.
  absl::StatusOr<bool> Next(size_t from, TextRange& match) {
    while (from <= text_.size()) {
      const bool is_slow = from < slow_until_;
      const size_t last = is_slow ? from : std::min(from + window_, text_.size());
      int result = Match(from, last, kQuickMatchLimit);
      if (result == PCRE2_ERROR_MATCHLIMIT && !is_slow) {
        slow_until_ = last + 1;
        continue;
      }
      for (uint32_t limit = kQuickMatchLimit;
           result == PCRE2_ERROR_MATCHLIMIT && limit < kMatchLimit;) {
        FIRSTLIGHT_RETURN_IF_ERROR(cancellation_.CheckNow());
        limit = std::min(limit * kMatchLimitGrowth, kMatchLimit);
        result = Match(from, last, limit);
      }
      if (result >= 0) {
        const size_t* offsets = pcre2_get_ovector_pointer(data_.get());
        match = {.begin = offsets[0], .end = offsets[1]};
        return true;
      }
      if (result != PCRE2_ERROR_NOMATCH) {
        return absl::ResourceExhaustedError(StrCat("a pattern of the tokenizer gave up at byte ",
                                                   from, " of the text: ", ErrorText(result)));
      }
      const size_t may_have_read = (last - from + 1) * (text_.size() - from);
      FIRSTLIGHT_RETURN_IF_ERROR(cancellation_.Check(may_have_read / kReadsPerStep + kSearchSteps));
      from = NextCharacter(last);
    }
    return false;
  }

 private:
  // A match that begins in [from, last].
  int Match(size_t from, size_t last, uint32_t limit) {
    pcre2_set_match_limit(context_.get(), limit);
    pcre2_set_offset_limit(context_.get(), last);
    int result = MatchOnce(from);
    if (result == PCRE2_ERROR_JIT_STACKLIMIT && stack_ == nullptr) {
      stack_.reset(pcre2_jit_stack_create(size_t{32} * 1024, kJitStackBytes, nullptr));
      pcre2_jit_stack_assign(context_.get(), nullptr, stack_.get());
      result = MatchOnce(from);
    }
    return result;
  }

  int MatchOnce(size_t from) {
    return pcre2_match(code_, Units(text_), text_.size(), from, PCRE2_NO_UTF_CHECK, data_.get(),
                       context_.get());
  }

  // Where the first character behind the byte at `position` begins.
  size_t NextCharacter(size_t position) const {
    do {
      ++position;
    } while (position < text_.size() && ContinuesCharacter(text_[position]));
    return position;
  }

  const pcre2_code* const code_;
  const std::string_view text_;
  EncodeCancellation& cancellation_;
  const size_t window_;
  const MatchContext context_;
  const MatchData data_;
  JitStack stack_;
  size_t slow_until_ = 0;  // positions before this are tried one by one
};

class RegexPattern : public TextPattern {
 public:
  RegexPattern(std::string_view source, Code code)
      : TextPattern(PatternTag::kRegex, source), code_(std::move(code)) {}

  absl::Status FindAll(std::string_view text, EncodeCancellation& cancellation,
                       std::vector<TextRange>& matches) const override {
    Search search(code_.get(), text, cancellation);
    size_t position = 0;
    size_t last_end = std::string_view::npos;
    while (position <= text.size()) {
      TextRange match;
      FIRSTLIGHT_ASSIGN_OR_RETURN(const bool found, search.Next(position, match));
      if (!found) {
        break;
      }
      FIRSTLIGHT_RETURN_IF_ERROR(cancellation.Check(match.end - position + kSearchSteps));
      if (match.begin == match.end && match.end == last_end) {
        position += position < text.size() ? Utf8Length(text[position]) : 1;
        continue;
      }
      position = match.end;
      last_end = match.end;
      matches.push_back(match);
    }
    return absl::OkStatus();
  }

  // PCRE2 counts characters, which have a byte at least.
  size_t shortest_match_bytes() const override {
    uint32_t shortest = 0;
    pcre2_pattern_info(code_.get(), PCRE2_INFO_MINLENGTH, &shortest);
    return shortest;
  }

 private:
  const Code code_;
};

class LiteralPattern : public TextPattern {
 public:
  explicit LiteralPattern(std::string_view literal) : TextPattern(PatternTag::kLiteral, literal) {}

  absl::Status FindAll(std::string_view text, EncodeCancellation& cancellation,
                       std::vector<TextRange>& matches) const override {
    if (source().empty()) {
      return EveryPosition(text, cancellation, matches);
    }
    size_t position = 0;
    while ((position = text.find(source(), position)) != std::string_view::npos) {
      matches.push_back({.begin = position, .end = position + source().size()});
      position += source().size();
      FIRSTLIGHT_RETURN_IF_ERROR(cancellation.Check(1));
    }
    return absl::OkStatus();
  }

  size_t shortest_match_bytes() const override { return source().size(); }

 private:
  static absl::Status EveryPosition(std::string_view text, EncodeCancellation& cancellation,
                                    std::vector<TextRange>& matches) {
    for (size_t position = 0; position < text.size(); position += Utf8Length(text[position])) {
      matches.push_back({.begin = position, .end = position});
      FIRSTLIGHT_RETURN_IF_ERROR(cancellation.Check(1));
    }
    matches.push_back({.begin = text.size(), .end = text.size()});
    return absl::OkStatus();
  }
};

}  // namespace

std::unique_ptr<const TextPattern> TextPattern::Literal(std::string_view literal) {
  return std::make_unique<LiteralPattern>(literal);
}

absl::StatusOr<std::unique_ptr<const TextPattern>> TextPattern::Regex(std::string_view oniguruma) {
  if (oniguruma.size() > kMaxPatternBytes) {
    return absl::InvalidArgumentError(StrCat("pattern has ", oniguruma.size(), " bytes, at most ",
                                             kMaxPatternBytes, " are accepted"));
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string translated, TranslatePattern(oniguruma));
  const CompileContext context(pcre2_compile_context_create(nullptr));
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  pcre2_set_parens_nest_limit(context.get(), kMaxNesting);
  int error = 0;
  size_t error_offset = 0;
  Code code(pcre2_compile(Units(translated), translated.size(),
                          PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C |
                              PCRE2_NO_AUTO_CAPTURE | PCRE2_USE_OFFSET_LIMIT,
                          &error, &error_offset, context.get()));
  if (code == nullptr) {
    return absl::InvalidArgumentError(
        StrCat("pattern ", Quoted(oniguruma), " does not compile: ", ErrorText(error)));
  }
  // Fails where memory must not be writable and then executable; pcre2_match interprets then.
  pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE);
  return std::make_unique<RegexPattern>(oniguruma, std::move(code));
}

void TextPattern::Save(ImageWriter& image) const {
  image.Write(tag_);
  image.Write(source_);
}

absl::StatusOr<std::unique_ptr<const TextPattern>> TextPattern::Load(ImageReader& image) {
  const auto tag = image.ReadEnum<PatternTag>();
  const std::string source = image.ReadString();
  FIRSTLIGHT_RETURN_IF_ERROR(image.status());
  return tag == PatternTag::kRegex ? Regex(source) : Literal(source);
}

}  // namespace firstlight
