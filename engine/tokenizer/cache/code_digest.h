#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_CACHE_CODE_DIGEST_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_CACHE_CODE_DIGEST_H_

namespace firstlight {

// A digest of the code under engine/tokenizer, made by the build (code_digest.cmake).
extern const char* const kTokenizerCodeDigest;

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_CACHE_CODE_DIGEST_H_
