#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_DECODERS_TOKEN_DECODER_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_DECODERS_TOKEN_DECODER_H_

// `decoder` of tokenizer.json: how tokens become text again. One class a type; each is equal to its
// namesake under tokenizers/src/decoders/, token by token instead of all at once.
//
// Any thread may call it; it does not change, but for what its patterns have taken
// (ReplaceDecoder). What it starts belongs to the caller.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/tokenizer/decoders/decode_stage.h"
#include "engine/tokenizer/image/image_writer.h"
#include "engine/tokenizer/text/pattern.h"

namespace firstlight {

class TokenDecoder {
 public:
  virtual ~TokenDecoder() = default;

  // A new decoding by this decoder, whose result goes to `next`. It refers to the decoder.
  // `in_parts`: it follows one that fuses. REQUIRES: !in_parts || !needs_whole_tokens().
  virtual std::unique_ptr<DecodeStage> Start(std::unique_ptr<DecodeStage> next,
                                             bool in_parts) const = 0;

  // Turns a token into the bytes that it contributes in the middle of a text. What depends on other
  // tokens, such as a space that only the first one loses, stays.
  virtual void ToBytes(std::string& token) const {}

  // Its DecoderTag, then its fields; DecoderFromImage (image/component_image.h) reads them.
  virtual void Save(ImageWriter& image) const = 0;

  // Whether what comes out is one token, handed on in parts.
  virtual bool fuses() const { return false; }

  // Whether it cannot take its token in parts.
  virtual bool needs_whole_tokens() const { return false; }

  // How many bytes it makes of one at most, but for a few a token: what keeps a hostile file from
  // making gigabytes of a token by decoders that double it one after the other.
  virtual double growth() const { return 1.0; }

  // How many regular expressions a token meets in it, each of which has an allowance of its own.
  virtual size_t regexes() const { return 0; }
};

// Who reads decoders from a file refuses those that grow a text by more, as a normalizer may
// (normalizers/normalized_text.h). Published ones do not grow it.
inline constexpr double kMaxDecoderGrowth = 32.0;
// And those of more regular expressions, each of which may take its time (ReplaceDecoder).
// Published ones have one or two.
inline constexpr size_t kMaxDecoderRegexes = 8;

// "Sequence": one after the other. Where one has to see its token whole behind one that fuses, all
// of the text comes when the tokens end.
std::unique_ptr<const TokenDecoder> SequenceDecoder(
    std::vector<std::unique_ptr<const TokenDecoder>> decoders);

// "ByteLevel": fuses; U+FFFD for what is not UTF-8.
std::unique_ptr<const TokenDecoder> ByteLevelDecoder();

// "ByteFallback": runs of tokens <0x00>…<0xFF> to characters.
enum class InvalidBytes : uint8_t {
  // A run that is not UTF-8 as a whole becomes U+FFFD for each of its bytes, good ones included
  // (`tokenizers`). A run is therefore held back until it ends.
  kReplaceRun,
  // Only the bytes that are part of no character become U+FFFD (the sentencepiece library).
  kReplaceByte,
  kLast = kReplaceByte
};
std::unique_ptr<const TokenDecoder> ByteFallbackDecoder(InvalidBytes invalid_bytes);

// "Fuse": fuses.
std::unique_ptr<const TokenDecoder> FuseDecoder();

// "Metaspace": a space for each `replacement`; none for those of the first token unless
// `keep_first`.
std::unique_ptr<const TokenDecoder> MetaspaceDecoder(std::string replacement, bool keep_first);

// "Replace": `content` for each match of `pattern` in a token. `single_character` says that every
// match is one character, so that a token need not be seen whole. A regular expression may take 20
// us a token and 0.5 us a byte of the thread's processor; what it does not take is saved, up to 50
// ms. A token on which it would take more stays as it is, and so do those after it until that is
// made up for.
std::unique_ptr<const TokenDecoder> ReplaceDecoder(std::unique_ptr<const TextPattern> pattern,
                                                   std::string content, bool single_character);

// "Strip": up to `start` of `content`, one character, from the start of a token, up to `stop` from
// its end.
std::unique_ptr<const TokenDecoder> StripDecoder(std::string content, size_t start, size_t stop);

// "WordPiece": a space before each token but the first and those that begin with `prefix`, which
// they lose. `cleanup`: no spaces before English punctuation and contractions, token by token.
std::unique_ptr<const TokenDecoder> WordPieceDecoder(std::string prefix, bool cleanup);

// "BPEDecoder": a space for each `suffix`, which is not empty; nothing for those of the last token.
std::unique_ptr<const TokenDecoder> WordSuffixDecoder(std::string suffix);

// "CTC": a token that repeats the one before it is left out, and so is `pad_token`; a space for
// each `word_delimiter_token`. `cleanup` is WordPiece's, and without it delimiters stay.
struct CtcDecoderOptions {
  std::string pad_token;
  std::string word_delimiter_token;
  bool cleanup = true;
};
std::unique_ptr<const TokenDecoder> CtcDecoder(CtcDecoderOptions options);

// No decoder at all: tokens separated by spaces.
std::unique_ptr<const TokenDecoder> SpaceJoiningDecoder();

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_DECODERS_TOKEN_DECODER_H_
