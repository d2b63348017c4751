#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_IMAGE_COMPONENT_TAGS_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_IMAGE_COMPONENT_TAGS_H_

// Which class wrote a component into an image: the first byte of what its Save() writes.
// component_image.cc reads them back. An image is used only by the very code that wrote it (its key
// says so, tokenizer_sources.h), so the numbers may change.

#include <cstdint>

namespace firstlight {

enum class PatternTag : uint8_t { kLiteral, kRegex, kLast = kRegex };

enum class NormalizerTag : uint8_t {
  kSequence,
  kPrepend,
  kReplace,
  kStrip,
  kCharacterRule,
  kUnicodeForm,
  kPrecompiled,
  kSentencePiece,
  kLast = kSentencePiece
};

enum class PreTokenizerTag : uint8_t {
  kSequence,
  kMetaspace,
  kByteLevel,
  kSplit,
  kDigits,
  kPunctuation,
  kWhitespaceSplit,
  kWhitespace,
  kLast = kWhitespace
};

enum class ModelTag : uint8_t {
  kBpe,
  kUnigram,
  kWordPiece,
  kWordLevel,
  kSentencePieceBpe,
  kSentencePieceUnigram,
  kLast = kSentencePieceUnigram
};

enum class DecoderTag : uint8_t {
  kSequence,
  kByteLevel,
  kByteFallback,
  kFuse,
  kMetaspace,
  kReplace,
  kStrip,
  kWordPiece,
  kWordSuffix,
  kCtc,
  kSpaceJoining,
  kLast = kSpaceJoining
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_IMAGE_COMPONENT_TAGS_H_
