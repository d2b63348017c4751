#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_BYTE_TOKENS_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_BYTE_TOKENS_H_

// The tokens <0x00>…<0xFF>, which stand for the bytes of what a vocabulary has no token for.

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/tokenizer/models/vocabulary.h"

namespace firstlight {

// Byte → id, kNoId where there is none.
std::array<int32_t, 256> FindByteTokens(const Vocabulary& vocabulary);

// Appends the tokens of the bytes of `text`, if each has one; else nothing, and returns false.
bool AppendByteTokens(std::string_view text, const std::array<int32_t, 256>& byte_ids,
                      std::vector<int32_t>& ids);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_BYTE_TOKENS_H_
