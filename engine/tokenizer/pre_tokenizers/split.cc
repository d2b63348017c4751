#include "engine/tokenizer/pre_tokenizers/split.h"

#include <algorithm>
#include <utility>

#include "engine/tokenizer/image/component_tags.h"
#include "engine/tokenizer/text/unicode.h"
#include "engine/tokenizer/text/utf8.h"
#include "loader/base/status_macros.h"

namespace firstlight {
namespace {

// A stretch of a piece; all of them together cover it.
struct Stretch {
  TextRange range;
  bool is_delimiter = false;
};

// What NormalizedString::split of `tokenizers` makes of the stretches of a piece.
void ApplyBehavior(SplitBehavior behavior, std::vector<Stretch>& stretches,
                   std::vector<TextRange>& parts) {
  const size_t first = parts.size();
  bool previous_was_delimiter = false;
  switch (behavior) {
    case SplitBehavior::kRemoved:
    case SplitBehavior::kIsolated:
      for (const Stretch& stretch : stretches) {
        if (behavior == SplitBehavior::kIsolated || !stretch.is_delimiter) {
          parts.push_back(stretch.range);
        }
      }
      break;
    case SplitBehavior::kMergedWithPrevious:
      for (const Stretch& stretch : stretches) {
        if (stretch.is_delimiter && !previous_was_delimiter && parts.size() > first) {
          parts.back().end = stretch.range.end;
        } else {
          parts.push_back(stretch.range);
        }
        previous_was_delimiter = stretch.is_delimiter;
      }
      break;
    case SplitBehavior::kMergedWithNext:
      for (auto stretch = stretches.rbegin(); stretch != stretches.rend(); ++stretch) {
        if (stretch->is_delimiter && !previous_was_delimiter && parts.size() > first) {
          parts.back().begin = stretch->range.begin;
        } else {
          parts.push_back(stretch->range);
        }
        previous_was_delimiter = stretch->is_delimiter;
      }
      std::reverse(parts.begin() + static_cast<ptrdiff_t>(first), parts.end());
      break;
    case SplitBehavior::kContiguous:
      for (const Stretch& stretch : stretches) {
        if (stretch.is_delimiter == previous_was_delimiter && parts.size() > first) {
          parts.back().end = stretch.range.end;
        } else {
          parts.push_back(stretch.range);
        }
        previous_was_delimiter = stretch.is_delimiter;
      }
      break;
  }
}

class PatternSplit : public PreTokenizer {
 public:
  PatternSplit(std::unique_ptr<const TextPattern> pattern, SplitBehavior behavior, bool invert)
      : pattern_(std::move(pattern)), behavior_(behavior), invert_(invert) {}

  absl::Status Split(PreTokenizedText& text, EncodeCancellation& cancellation) const override {
    return SplitByPattern(*pattern_, behavior_, invert_, text, cancellation);
  }

  void Save(ImageWriter& image) const override {
    image.Write(PreTokenizerTag::kSplit);
    pattern_->Save(image);
    image.Write(behavior_);
    image.Write(invert_);
  }

 private:
  const std::unique_ptr<const TextPattern> pattern_;
  const SplitBehavior behavior_;
  const bool invert_;
};

// Each character that `is_delimiter` is a delimiter.
class CharacterSplit : public PreTokenizer {
 public:
  CharacterSplit(PreTokenizerTag tag, bool (*is_delimiter)(char32_t), SplitBehavior behavior)
      : tag_(tag), is_delimiter_(is_delimiter), behavior_(behavior) {}

  absl::Status Split(PreTokenizedText& text, EncodeCancellation& cancellation) const override {
    std::vector<Stretch> stretches;
    return text.CutPieces([&](std::string_view piece, std::vector<TextRange>& parts) {
      stretches.clear();
      size_t begin = 0;
      for (size_t position = 0; position < piece.size();) {
        const Utf8Character character = DecodeUtf8(piece.substr(position));
        const size_t end = position + character.length;
        if (is_delimiter_(character.code_point)) {
          if (begin < position) {
            stretches.push_back({.range = {begin, position}});
          }
          stretches.push_back({.range = {position, end}, .is_delimiter = true});
          begin = end;
        }
        position = end;
        FIRSTLIGHT_RETURN_IF_ERROR(cancellation.Check(1));
      }
      if (begin < piece.size()) {
        stretches.push_back({.range = {begin, piece.size()}});
      }
      ApplyBehavior(behavior_, stretches, parts);
      return absl::OkStatus();
    });
  }

  void Save(ImageWriter& image) const override {
    image.Write(tag_);
    image.Write(behavior_);
  }

 private:
  const PreTokenizerTag tag_;
  bool (*const is_delimiter_)(char32_t);
  const SplitBehavior behavior_;
};

// The pattern `\w+|[^\w\s]+`, its matches kept.
class WhitespaceWords : public PreTokenizer {
 public:
  absl::Status Split(PreTokenizedText& text, EncodeCancellation& cancellation) const override {
    return text.CutPieces([&](std::string_view piece, std::vector<TextRange>& parts) {
      enum class Kind { kSpace, kWord, kOther };
      Kind run = Kind::kSpace;
      size_t begin = 0;
      for (size_t position = 0; position < piece.size();) {
        const Utf8Character character = DecodeUtf8(piece.substr(position));
        const Kind kind = IsWordCharacter(character.code_point) ? Kind::kWord
                          : IsWhitespace(character.code_point)  ? Kind::kSpace
                                                                : Kind::kOther;
        if (kind != run) {
          if (run != Kind::kSpace) {
            parts.push_back({begin, position});
          }
          begin = position;
          run = kind;
        }
        position += character.length;
        FIRSTLIGHT_RETURN_IF_ERROR(cancellation.Check(1));
      }
      if (run != Kind::kSpace) {
        parts.push_back({begin, piece.size()});
      }
      return absl::OkStatus();
    });
  }

  void Save(ImageWriter& image) const override { image.Write(PreTokenizerTag::kWhitespace); }
};

}  // namespace

absl::Status SplitByPattern(const TextPattern& pattern, SplitBehavior behavior, bool invert,
                            PreTokenizedText& text, EncodeCancellation& cancellation) {
  std::vector<TextRange> matches;
  std::vector<Stretch> stretches;
  return text.CutPieces([&](std::string_view piece, std::vector<TextRange>& parts) {
    matches.clear();
    FIRSTLIGHT_RETURN_IF_ERROR(pattern.FindAll(piece, cancellation, matches));
    stretches.clear();
    size_t covered = 0;
    for (const TextRange& match : matches) {
      if (covered != match.begin) {
        stretches.push_back({.range = {covered, match.begin}, .is_delimiter = invert});
      }
      stretches.push_back({.range = match, .is_delimiter = !invert});
      covered = match.end;
    }
    if (covered != piece.size()) {
      stretches.push_back({.range = {covered, piece.size()}, .is_delimiter = invert});
    }
    ApplyBehavior(behavior, stretches, parts);
    return absl::OkStatus();
  });
}

std::unique_ptr<const PreTokenizer> SplitPreTokenizer(std::unique_ptr<const TextPattern> pattern,
                                                      SplitBehavior behavior, bool invert) {
  return std::make_unique<PatternSplit>(std::move(pattern), behavior, invert);
}

std::unique_ptr<const PreTokenizer> DigitsPreTokenizer(bool individual_digits) {
  return std::make_unique<CharacterSplit>(
      PreTokenizerTag::kDigits, IsNumeric,
      individual_digits ? SplitBehavior::kIsolated : SplitBehavior::kContiguous);
}

std::unique_ptr<const PreTokenizer> PunctuationPreTokenizer(SplitBehavior behavior) {
  return std::make_unique<CharacterSplit>(PreTokenizerTag::kPunctuation, IsPunctuation, behavior);
}

std::unique_ptr<const PreTokenizer> WhitespaceSplitPreTokenizer() {
  return std::make_unique<CharacterSplit>(PreTokenizerTag::kWhitespaceSplit, IsWhitespace,
                                          SplitBehavior::kRemoved);
}

std::unique_ptr<const PreTokenizer> WhitespacePreTokenizer() {
  return std::make_unique<WhitespaceWords>();
}

}  // namespace firstlight
