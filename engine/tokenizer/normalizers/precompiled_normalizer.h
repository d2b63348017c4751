#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_NORMALIZERS_PRECOMPILED_NORMALIZER_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_NORMALIZERS_PRECOMPILED_NORMALIZER_H_

// Normalizer type "Precompiled": sentencepiece's table of replacements, as the `tokenizers` package
// applies it (its crate spm_precompiled): to each grapheme cluster of fewer than six bytes whole,
// else to its characters one by one, and always the shortest entry.

#include <memory>

#include "engine/tokenizer/normalizers/normalizer.h"
#include "engine/tokenizer/normalizers/precompiled_charsmap.h"

namespace firstlight {

std::unique_ptr<const TextNormalizer> PrecompiledNormalizer(
    std::shared_ptr<const PrecompiledCharsmap> charsmap);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_NORMALIZERS_PRECOMPILED_NORMALIZER_H_
