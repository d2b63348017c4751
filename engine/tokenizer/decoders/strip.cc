// "Strip".

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "engine/tokenizer/decoders/token_decoder.h"
#include "engine/tokenizer/image/component_tags.h"

namespace firstlight {
namespace {

// Of each token, whole.
class StripTokensStage : public DecodeStage {
 public:
  StripTokensStage(std::string_view content, size_t start, size_t stop,
                   std::unique_ptr<DecodeStage> next)
      : DecodeStage(std::move(next)), content_(content), start_(start), stop_(stop) {}

  void Push(std::string_view token, std::string& out) override {
    for (size_t i = 0; i < start_ && token.starts_with(content_); ++i) {
      token.remove_prefix(content_.size());
    }
    for (size_t i = 0; i < stop_ && token.ends_with(content_); ++i) {
      token.remove_suffix(content_.size());
    }
    PushNext(token, out);
  }

 private:
  const std::string_view content_;
  const size_t start_;
  const size_t stop_;
};

// Of one token that comes in parts.
class StripPartsStage : public DecodeStage {
 public:
  StripPartsStage(std::string_view content, size_t start, size_t stop,
                  std::unique_ptr<DecodeStage> next)
      : DecodeStage(std::move(next)), content_(content), start_left_(start), stop_(stop) {}

  void Push(std::string_view part, std::string& out) override {
    while (start_left_ > 0 && !part.empty()) {
      if (part.starts_with(content_)) {
        part.remove_prefix(content_.size());
        --start_left_;
      } else {
        start_left_ = 0;
      }
    }
    if (part.empty()) {
      return;
    }
    // Contents at the end could be the last of all: as many as may be stripped are held back.
    size_t trailing = 0;
    std::string_view body = part;
    while (trailing < stop_ && body.ends_with(content_)) {
      body.remove_suffix(content_.size());
      ++trailing;
    }
    // What was held back before is certain once something else, or enough of the same, follows.
    const size_t released =
        body.empty() ? held_ + trailing - std::min(held_ + trailing, stop_) : held_;
    std::string text;
    for (size_t i = 0; i < released; ++i) {
      text += content_;
    }
    text += body;
    held_ = held_ + trailing - released;
    if (!text.empty()) {
      PushNext(text, out);
    }
  }

 private:
  const std::string_view content_;
  size_t start_left_;
  const size_t stop_;
  size_t held_ = 0;
};

class Strip : public TokenDecoder {
 public:
  Strip(std::string content, size_t start, size_t stop)
      : content_(std::move(content)), start_(start), stop_(stop) {}

  std::unique_ptr<DecodeStage> Start(std::unique_ptr<DecodeStage> next,
                                     bool in_parts) const override {
    if (in_parts) {
      return std::make_unique<StripPartsStage>(content_, start_, stop_, std::move(next));
    }
    return std::make_unique<StripTokensStage>(content_, start_, stop_, std::move(next));
  }

  void Save(ImageWriter& image) const override {
    image.Write(DecoderTag::kStrip);
    image.Write(content_);
    image.Write(uint64_t{start_});
    image.Write(uint64_t{stop_});
  }

 private:
  const std::string content_;
  const size_t start_;
  const size_t stop_;
};

}  // namespace

std::unique_ptr<const TokenDecoder> StripDecoder(std::string content, size_t start, size_t stop) {
  return std::make_unique<Strip>(std::move(content), start, stop);
}

}  // namespace firstlight
