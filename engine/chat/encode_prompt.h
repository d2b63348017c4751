#ifndef FIRSTLIGHT_ENGINE_CHAT_ENCODE_PROMPT_H_
#define FIRSTLIGHT_ENGINE_CHAT_ENCODE_PROMPT_H_

// The token ids of a text of which parts are somebody's data.

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/chat/byte_interval.h"
#include "engine/tokenizer/tokenizer.h"

namespace firstlight {

// As Tokenizer::Encode with `options`, except that no special token is recognised in `data_bytes`,
// which are sorted and disjoint.
absl::StatusOr<std::vector<int32_t>> EncodePrompt(const Tokenizer& tokenizer, std::string_view text,
                                                  absl::Span<const ByteInterval> data_bytes,
                                                  EncodeOptions options);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_CHAT_ENCODE_PROMPT_H_
