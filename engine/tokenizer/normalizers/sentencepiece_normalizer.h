#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_NORMALIZERS_SENTENCEPIECE_NORMALIZER_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_NORMALIZERS_SENTENCEPIECE_NORMALIZER_H_

// What sentencepiece does to a text before its model sees it: replacements, extra whitespace, the
// space in front, U+2581 for spaces. Equal to Normalizer::Normalize (src/normalizer.cc).

#include <memory>

#include "engine/tokenizer/models/sentencepiece_pieces.h"
#include "engine/tokenizer/normalizers/normalizer.h"
#include "engine/tokenizer/normalizers/precompiled_charsmap.h"

namespace firstlight {

struct SentencePieceNormalizerOptions {
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;
};

// The user-defined ones of `pieces` are left as they are in a text.
std::unique_ptr<const TextNormalizer> SentencePieceNormalizer(
    SentencePieceNormalizerOptions options, std::shared_ptr<const PrecompiledCharsmap> charsmap,
    std::shared_ptr<const SentencePiecePieces> pieces);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_NORMALIZERS_SENTENCEPIECE_NORMALIZER_H_
