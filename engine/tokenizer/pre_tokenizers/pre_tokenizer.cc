#include "engine/tokenizer/pre_tokenizers/pre_tokenizer.h"

#include <utility>

#include "engine/tokenizer/image/component_tags.h"
#include "engine/tokenizer/pre_tokenizers/split.h"
#include "engine/tokenizer/text/byte_level.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

// GPT-2's (encoder.py of its release), as tokenizers/src/pre_tokenizers/byte_level.rs has it.
constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

class Sequence : public PreTokenizer {
 public:
  explicit Sequence(std::vector<std::unique_ptr<const PreTokenizer>> pre_tokenizers)
      : pre_tokenizers_(std::move(pre_tokenizers)) {}

  absl::Status Split(PreTokenizedText& text, EncodeCancellation& cancellation) const override {
    for (const auto& pre_tokenizer : pre_tokenizers_) {
      FIRSTLIGHT_RETURN_IF_ERROR(pre_tokenizer->Split(text, cancellation));
    }
    return absl::OkStatus();
  }

  void Save(ImageWriter& image) const override {
    image.Write(PreTokenizerTag::kSequence);
    image.Write(uint64_t{pre_tokenizers_.size()});
    for (const auto& pre_tokenizer : pre_tokenizers_) pre_tokenizer->Save(image);
  }

 private:
  const std::vector<std::unique_ptr<const PreTokenizer>> pre_tokenizers_;
};

class Metaspace : public PreTokenizer {
 public:
  explicit Metaspace(MetaspaceOptions options)
      : options_(std::move(options)), pattern_(TextPattern::Literal(options_.replacement)) {}

  absl::Status Split(PreTokenizedText& text, EncodeCancellation& cancellation) const override {
    const auto rewrite = [&](size_t index, std::string_view piece, std::string& out) {
      const bool prepend =
          options_.prepend == MetaspaceOptions::Prepend::kAlways ||
          (options_.prepend == MetaspaceOptions::Prepend::kFirst && text.StartsInput(index));
      if (prepend && !piece.starts_with(" ") && !piece.starts_with(options_.replacement)) {
        out += options_.replacement;
      }
      for (const char byte : piece) {
        if (byte == ' ') {
          out += options_.replacement;
        } else {
          out.push_back(byte);
        }
      }
    };
    FIRSTLIGHT_RETURN_IF_ERROR(text.RewritePieces(cancellation, rewrite));
    if (!options_.split) {
      return absl::OkStatus();
    }
    return SplitByPattern(*pattern_, SplitBehavior::kMergedWithNext, /*invert=*/false, text,
                          cancellation);
  }

  void Save(ImageWriter& image) const override {
    image.Write(PreTokenizerTag::kMetaspace);
    image.Write(options_.replacement);
    image.Write(options_.prepend);
    image.Write(options_.split);
  }

 private:
  const MetaspaceOptions options_;
  const std::unique_ptr<const TextPattern> pattern_;
};

class ByteLevel : public PreTokenizer {
 public:
  ByteLevel(ByteLevelOptions options, std::unique_ptr<const TextPattern> pattern)
      : options_(options), pattern_(std::move(pattern)) {}

  absl::Status Split(PreTokenizedText& text, EncodeCancellation& cancellation) const override {
    if (options_.add_prefix_space) {
      const auto rewrite = [](size_t index, std::string_view piece, std::string& out) {
        if (!piece.starts_with(" ")) {
          out.push_back(' ');
        }
        out += piece;
      };
      FIRSTLIGHT_RETURN_IF_ERROR(text.RewritePieces(cancellation, rewrite));
    }
    if (options_.use_regex) {
      FIRSTLIGHT_RETURN_IF_ERROR(SplitByPattern(*pattern_, SplitBehavior::kIsolated,
                                                /*invert=*/false, text, cancellation));
    }
    if (options_.spell) {
      const auto rewrite = [](size_t index, std::string_view piece, std::string& out) {
        AppendByteLevel(piece, out);
      };
      FIRSTLIGHT_RETURN_IF_ERROR(text.RewritePieces(cancellation, rewrite));
    }
    return absl::OkStatus();
  }

  void Save(ImageWriter& image) const override {
    image.Write(PreTokenizerTag::kByteLevel);
    image.Write(options_.add_prefix_space);
    image.Write(options_.use_regex);
    image.Write(options_.spell);
  }

 private:
  const ByteLevelOptions options_;
  const std::unique_ptr<const TextPattern> pattern_;  // Null unless use_regex.
};

}  // namespace

PreTokenizedText::PreTokenizedText(std::string_view text, bool starts_input)
    : text_(text), starts_input_(starts_input), max_bytes_(kGrowth * text.size() + kMoreBytes) {
  if (!text.empty()) {
    pieces_.push_back({0, text.size()});
  }
}

absl::Status PreTokenizedText::TooLong() const {
  return absl::ResourceExhaustedError(
      StrCat("text: expected at most ", max_bytes_, " bytes when it is pre-tokenized, found more"));
}

std::unique_ptr<const PreTokenizer> SequencePreTokenizer(
    std::vector<std::unique_ptr<const PreTokenizer>> pre_tokenizers) {
  return std::make_unique<Sequence>(std::move(pre_tokenizers));
}

std::unique_ptr<const PreTokenizer> MetaspacePreTokenizer(MetaspaceOptions options) {
  return std::make_unique<Metaspace>(std::move(options));
}

absl::StatusOr<std::unique_ptr<const PreTokenizer>> ByteLevelPreTokenizer(
    ByteLevelOptions options) {
  std::unique_ptr<const TextPattern> pattern;
  if (options.use_regex) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(pattern, TextPattern::Regex(kGpt2Pattern));
  }
  return std::make_unique<ByteLevel>(options, std::move(pattern));
}

}  // namespace firstlight
