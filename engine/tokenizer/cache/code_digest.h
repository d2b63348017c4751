#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_CACHE_CODE_DIGEST_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_CACHE_CODE_DIGEST_H_

namespace firstlight {

// A digest of the code under engine/tokenizer, made by the build (code_digest.cmake).
const char* TokenizerCodeDigest();

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_CACHE_CODE_DIGEST_H_
