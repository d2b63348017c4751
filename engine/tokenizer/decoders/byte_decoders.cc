// "ByteLevel" and "ByteFallback": the decoders in which several tokens make one character.

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "engine/tokenizer/decoders/token_decoder.h"
#include "engine/tokenizer/image/component_tags.h"
#include "engine/tokenizer/text/byte_level.h"
#include "engine/tokenizer/text/utf8.h"

namespace firstlight {
namespace {

class ByteLevelStage : public DecodeStage {
 public:
  using DecodeStage::DecodeStage;

  void Push(std::string_view token, std::string& out) override {
    const std::optional<std::string> bytes = FromByteLevel(token);
    pending_ += bytes ? std::string_view(*bytes) : token;
    Emit(/*last=*/false, out);
  }

  void Flush(std::string& out) override {
    Emit(/*last=*/true, out);
    FlushNext(out);
  }

 private:
  void Emit(bool last, std::string& out) {
    std::string text;
    std::string_view rest = pending_;
    while (!rest.empty()) {
      const Utf8Character character = DecodeUtf8(rest);
      if (character.incomplete && !last) {
        break;
      }
      text += character.valid ? rest.substr(0, character.length) : kReplacementUtf8;
      rest.remove_prefix(character.length);
    }
    pending_.erase(0, pending_.size() - rest.size());
    if (!text.empty()) {
      PushNext(text, out);
    }
  }

  std::string pending_;
};

class ByteLevel : public TokenDecoder {
 public:
  std::unique_ptr<DecodeStage> Start(std::unique_ptr<DecodeStage> next,
                                     bool in_parts) const override {
    return std::make_unique<ByteLevelStage>(std::move(next));
  }
  void ToBytes(std::string& token) const override {
    if (std::optional<std::string> bytes = FromByteLevel(token); bytes.has_value()) {
      token = *std::move(bytes);
    }
  }
  bool fuses() const override { return true; }
  bool needs_whole_tokens() const override { return true; }
  // Two bytes that spell one that is no UTF-8 become the three of U+FFFD.
  double growth() const override { return 1.5; }

  void Save(ImageWriter& image) const override { image.Write(DecoderTag::kByteLevel); }
};

std::optional<char> FallbackByte(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') {
    return std::nullopt;
  }
  uint8_t byte = 0;
  const auto [end, error] = std::from_chars(token.data() + 3, token.data() + 5, byte, 16);
  if (error != std::errc() || end != token.data() + 5) {
    return std::nullopt;
  }
  return static_cast<char>(byte);
}

class ByteFallbackStage : public DecodeStage {
 public:
  ByteFallbackStage(InvalidBytes invalid_bytes, std::unique_ptr<DecodeStage> next)
      : DecodeStage(std::move(next)), invalid_bytes_(invalid_bytes) {}

  void Push(std::string_view token, std::string& out) override {
    if (const std::optional<char> byte = FallbackByte(token); byte.has_value()) {
      run_.push_back(*byte);
      if (invalid_bytes_ == InvalidBytes::kReplaceByte) {
        EmitCharacters(/*last=*/false, out);
      }
      return;
    }
    EndRun(out);
    PushNext(token, out);
  }

  void Flush(std::string& out) override {
    EndRun(out);
    FlushNext(out);
  }

 private:
  void EndRun(std::string& out) {
    if (run_.empty()) {
      return;
    }
    if (invalid_bytes_ == InvalidBytes::kReplaceByte) {
      EmitCharacters(/*last=*/true, out);
      return;
    }
    if (FindInvalidUtf8(run_) == std::string_view::npos) {
      PushNext(run_, out);
    } else {
      for (size_t i = 0; i < run_.size(); ++i) {
        PushNext(kReplacementUtf8, out);
      }
    }
    run_.clear();
  }

  void EmitCharacters(bool last, std::string& out) {
    std::string_view rest = run_;
    while (!rest.empty()) {
      const Utf8Character character = DecodeUtf8(rest);
      if (character.incomplete && !last) {
        break;
      }
      const size_t length = character.valid ? character.length : 1;
      PushNext(character.valid ? rest.substr(0, length) : kReplacementUtf8, out);
      rest.remove_prefix(length);
    }
    run_.erase(0, run_.size() - rest.size());
  }

  const InvalidBytes invalid_bytes_;
  std::string run_;
};

class ByteFallback : public TokenDecoder {
 public:
  explicit ByteFallback(InvalidBytes invalid_bytes) : invalid_bytes_(invalid_bytes) {}

  std::unique_ptr<DecodeStage> Start(std::unique_ptr<DecodeStage> next,
                                     bool in_parts) const override {
    return std::make_unique<ByteFallbackStage>(invalid_bytes_, std::move(next));
  }
  void ToBytes(std::string& token) const override {
    if (const std::optional<char> byte = FallbackByte(token); byte.has_value()) {
      token.assign(1, *byte);
    }
  }
  bool needs_whole_tokens() const override { return true; }

  void Save(ImageWriter& image) const override {
    image.Write(DecoderTag::kByteFallback);
    image.Write(invalid_bytes_);
  }

 private:
  const InvalidBytes invalid_bytes_;
};

}  // namespace

std::unique_ptr<const TokenDecoder> ByteLevelDecoder() { return std::make_unique<ByteLevel>(); }

std::unique_ptr<const TokenDecoder> ByteFallbackDecoder(InvalidBytes invalid_bytes) {
  return std::make_unique<ByteFallback>(invalid_bytes);
}

}  // namespace firstlight
