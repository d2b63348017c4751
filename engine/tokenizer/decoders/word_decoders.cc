// "WordPiece", "BPEDecoder" and "CTC": the decoders that put the spaces between words back.

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "engine/tokenizer/decoders/replace_all.h"
#include "engine/tokenizer/decoders/token_decoder.h"
#include "engine/tokenizer/image/component_tags.h"

namespace firstlight {
namespace {

// `cleanup` of tokenizers/src/decoders/wordpiece.rs: English as people write it, in this order.
std::string CleanUp(std::string text) {
  constexpr std::pair<std::string_view, std::string_view> kReplacements[] = {
      {" .", "."},   {" ?", "?"},     {" !", "!"},    {" ,", ","},
      {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},  {" do not", " don't"},
      {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (const auto& [what, with] : kReplacements) {
    text = ReplaceAll(text, what, with);
  }
  return text;
}

class WordPiece : public TokenDecoder {
 public:
  WordPiece(std::string prefix, bool cleanup) : prefix_(std::move(prefix)), cleanup_(cleanup) {}

  std::unique_ptr<DecodeStage> Start(std::unique_ptr<DecodeStage> next,
                                     bool in_parts) const override;
  void ToBytes(std::string& token) const override { token = Spelled(token, /*first=*/false); }
  bool needs_whole_tokens() const override { return true; }

  std::string Spelled(std::string_view token, bool first) const {
    std::string text;
    if (!first && token.starts_with(prefix_)) {
      token.remove_prefix(prefix_.size());
    } else if (!first) {
      text.push_back(' ');
    }
    text += token;
    return cleanup_ ? CleanUp(std::move(text)) : text;
  }

  void Save(ImageWriter& image) const override {
    image.Write(DecoderTag::kWordPiece);
    image.Write(prefix_);
    image.Write(cleanup_);
  }

 private:
  const std::string prefix_;
  const bool cleanup_;
};

class WordPieceStage : public DecodeStage {
 public:
  WordPieceStage(const WordPiece& decoder, std::unique_ptr<DecodeStage> next)
      : DecodeStage(std::move(next)), decoder_(decoder) {}
  void Push(std::string_view token, std::string& out) override {
    PushNext(decoder_.Spelled(token, std::exchange(first_, false)), out);
  }

 private:
  const WordPiece& decoder_;
  bool first_ = true;
};

std::unique_ptr<DecodeStage> WordPiece::Start(std::unique_ptr<DecodeStage> next,
                                              bool in_parts) const {
  return std::make_unique<WordPieceStage>(*this, std::move(next));
}

// Only the last token loses its suffix, so that one token is always held back.
class WordSuffixStage : public DecodeStage {
 public:
  WordSuffixStage(std::string_view suffix, std::unique_ptr<DecodeStage> next)
      : DecodeStage(std::move(next)), suffix_(suffix) {}

  void Push(std::string_view token, std::string& out) override {
    PushHeld(" ", out);
    held_ = token;
  }

  void Flush(std::string& out) override {
    PushHeld("", out);
    FlushNext(out);
  }

 private:
  void PushHeld(std::string_view space, std::string& out) {
    if (held_.has_value()) PushNext(ReplaceAll(*held_, suffix_, space), out);
    held_.reset();
  }

  const std::string_view suffix_;
  std::optional<std::string> held_;
};

class WordSuffix : public TokenDecoder {
 public:
  explicit WordSuffix(std::string suffix) : suffix_(std::move(suffix)) {}

  std::unique_ptr<DecodeStage> Start(std::unique_ptr<DecodeStage> next,
                                     bool in_parts) const override {
    return std::make_unique<WordSuffixStage>(suffix_, std::move(next));
  }
  void ToBytes(std::string& token) const override { token = ReplaceAll(token, suffix_, " "); }
  bool needs_whole_tokens() const override { return true; }

  void Save(ImageWriter& image) const override {
    image.Write(DecoderTag::kWordSuffix);
    image.Write(suffix_);
  }

 private:
  const std::string suffix_;
};

class Ctc : public TokenDecoder {
 public:
  explicit Ctc(CtcDecoderOptions options) : options_(std::move(options)) {}

  std::unique_ptr<DecodeStage> Start(std::unique_ptr<DecodeStage> next,
                                     bool in_parts) const override;
  void ToBytes(std::string& token) const override { token = Spelled(token); }
  bool needs_whole_tokens() const override { return true; }

  std::string Spelled(std::string_view token) const {
    std::string text = ReplaceAll(token, options_.pad_token, "");
    if (options_.cleanup) {
      text = ReplaceAll(CleanUp(std::move(text)), options_.word_delimiter_token, " ");
    }
    return text;
  }

  void Save(ImageWriter& image) const override {
    image.Write(DecoderTag::kCtc);
    image.Write(options_.pad_token);
    image.Write(options_.word_delimiter_token);
    image.Write(options_.cleanup);
  }

 private:
  const CtcDecoderOptions options_;
};

class CtcStage : public DecodeStage {
 public:
  CtcStage(const Ctc& decoder, std::unique_ptr<DecodeStage> next)
      : DecodeStage(std::move(next)), decoder_(decoder) {}

  void Push(std::string_view token, std::string& out) override {
    if (previous_ == token) return;
    previous_ = token;
    if (const std::string text = decoder_.Spelled(token); !text.empty()) PushNext(text, out);
  }

 private:
  const Ctc& decoder_;
  std::optional<std::string> previous_;
};

std::unique_ptr<DecodeStage> Ctc::Start(std::unique_ptr<DecodeStage> next, bool in_parts) const {
  return std::make_unique<CtcStage>(*this, std::move(next));
}

}  // namespace

std::unique_ptr<const TokenDecoder> WordPieceDecoder(std::string prefix, bool cleanup) {
  return std::make_unique<WordPiece>(std::move(prefix), cleanup);
}

std::unique_ptr<const TokenDecoder> WordSuffixDecoder(std::string suffix) {
  return std::make_unique<WordSuffix>(std::move(suffix));
}

std::unique_ptr<const TokenDecoder> CtcDecoder(CtcDecoderOptions options) {
  return std::make_unique<Ctc>(std::move(options));
}

}  // namespace firstlight
