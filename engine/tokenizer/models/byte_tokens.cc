#include "engine/tokenizer/models/byte_tokens.h"

#include <algorithm>

#include "absl/strings/str_format.h"

namespace firstlight {

std::array<int32_t, 256> FindByteTokens(const Vocabulary& vocabulary) {
  std::array<int32_t, 256> ids{};
  for (int byte = 0; byte < 256; ++byte) {
    ids[byte] = vocabulary.Find(absl::StrFormat("<0x%02X>", byte));
  }
  return ids;
}

bool AppendByteTokens(std::string_view text, const std::array<int32_t, 256>& byte_ids,
                      std::vector<int32_t>& ids) {
  const auto id_of = [&](char byte) { return byte_ids[static_cast<uint8_t>(byte)]; };
  if (std::any_of(text.begin(), text.end(),
                  [&](char byte) { return id_of(byte) == Vocabulary::kNoId; })) {
    return false;
  }
  for (const char byte : text) {
    ids.push_back(id_of(byte));
  }
  return true;
}

}  // namespace firstlight
