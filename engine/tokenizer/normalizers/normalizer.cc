#include "engine/tokenizer/normalizers/normalizer.h"

#include <cstddef>
#include <cstdint>
#include <utility>

#include "engine/tokenizer/image/component_tags.h"
#include "engine/tokenizer/text/unicode.h"
#include "engine/tokenizer/text/utf8.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

class Sequence : public TextNormalizer {
 public:
  explicit Sequence(std::vector<std::unique_ptr<const TextNormalizer>> normalizers)
      : normalizers_(std::move(normalizers)) {}

  absl::Status Normalize(NormalizedText& text, EncodeCancellation& cancellation) const override {
    for (const auto& normalizer : normalizers_) {
      FIRSTLIGHT_RETURN_IF_ERROR(normalizer->Normalize(text, cancellation));
    }
    return absl::OkStatus();
  }

  void Save(ImageWriter& image) const override {
    image.Write(NormalizerTag::kSequence);
    image.Write(uint64_t{normalizers_.size()});
    for (const auto& normalizer : normalizers_) normalizer->Save(image);
  }

 private:
  const std::vector<std::unique_ptr<const TextNormalizer>> normalizers_;
};

class Prepend : public TextNormalizer {
 public:
  explicit Prepend(std::string prefix) : prefix_(std::move(prefix)) {}

  absl::Status Normalize(NormalizedText& text, EncodeCancellation& cancellation) const override {
    if (!text.text().empty()) {
      Rewriting rewriting(text);
      rewriting.Insert(prefix_);
      rewriting.Keep(text.text().size());
      FIRSTLIGHT_RETURN_IF_ERROR(rewriting.CheckSize());
      rewriting.Finish();
    }
    return absl::OkStatus();
  }

  void Save(ImageWriter& image) const override {
    image.Write(NormalizerTag::kPrepend);
    image.Write(prefix_);
  }

 private:
  const std::string prefix_;
};

class Replace : public TextNormalizer {
 public:
  Replace(std::unique_ptr<const TextPattern> pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}

  absl::Status Normalize(NormalizedText& text, EncodeCancellation& cancellation) const override {
    const size_t size = text.text().size();
    // Not even an empty match is looked for in an empty text.
    if (size == 0) {
      return absl::OkStatus();
    }
    std::vector<TextRange> matches;
    FIRSTLIGHT_RETURN_IF_ERROR(pattern_->FindAll(text.text(), cancellation, matches));
    if (matches.empty()) {
      return absl::OkStatus();
    }
    Rewriting rewriting(text);
    size_t consumed = 0;
    for (const TextRange& match : matches) {
      rewriting.Keep(match.begin - consumed);
      rewriting.Replace(match.end - match.begin, content_);
      FIRSTLIGHT_RETURN_IF_ERROR(rewriting.CheckSize());
      consumed = match.end;
    }
    rewriting.Keep(size - consumed);
    rewriting.Finish();
    return absl::OkStatus();
  }

  void Save(ImageWriter& image) const override {
    image.Write(NormalizerTag::kReplace);
    pattern_->Save(image);
    image.Write(content_);
  }

 private:
  const std::unique_ptr<const TextPattern> pattern_;
  const std::string content_;
};

class Strip : public TextNormalizer {
 public:
  Strip(bool left, bool right) : left_(left), right_(right) {}

  absl::Status Normalize(NormalizedText& text, EncodeCancellation& cancellation) const override {
    const std::string_view whole = text.text();
    size_t end = whole.size();
    while (right_ && end > 0) {
      size_t begin = end - 1;
      while (begin > 0 && (static_cast<unsigned char>(whole[begin]) & 0xC0) == 0x80) {
        --begin;
      }
      if (!IsWhitespace(DecodeUtf8(whole.substr(begin)).code_point)) {
        break;
      }
      end = begin;
    }
    size_t begin = 0;
    while (left_ && begin < end) {
      const Utf8Character character = DecodeUtf8(whole.substr(begin));
      if (!IsWhitespace(character.code_point)) {
        break;
      }
      begin += character.length;
    }
    Rewriting rewriting(text);
    rewriting.Drop(begin);
    rewriting.Keep(end - begin);
    rewriting.Finish();
    return absl::OkStatus();
  }

  void Save(ImageWriter& image) const override {
    image.Write(NormalizerTag::kStrip);
    image.Write(left_);
    image.Write(right_);
  }

 private:
  const bool left_;
  const bool right_;
};

}  // namespace

std::unique_ptr<const TextNormalizer> SequenceNormalizer(
    std::vector<std::unique_ptr<const TextNormalizer>> normalizers) {
  return std::make_unique<Sequence>(std::move(normalizers));
}

std::unique_ptr<const TextNormalizer> PrependNormalizer(std::string prefix) {
  return std::make_unique<Prepend>(std::move(prefix));
}

std::unique_ptr<const TextNormalizer> ReplaceNormalizer(std::unique_ptr<const TextPattern> pattern,
                                                        std::string content) {
  return std::make_unique<Replace>(std::move(pattern), std::move(content));
}

std::unique_ptr<const TextNormalizer> StripNormalizer(bool left, bool right) {
  return std::make_unique<Strip>(left, right);
}

}  // namespace firstlight
