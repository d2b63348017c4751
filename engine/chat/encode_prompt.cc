#include "engine/chat/encode_prompt.h"

namespace firstlight {

absl::StatusOr<std::vector<int32_t>> EncodePrompt(const Tokenizer& tokenizer, std::string_view text,
                                                  absl::Span<const ByteInterval> data_bytes,
                                                  EncodeOptions options) {
  std::vector<TextRange> ranges;
  ranges.reserve(data_bytes.size());
  for (const ByteInterval& bytes : data_bytes) {
    if (bytes.begin < bytes.end) ranges.push_back({.begin = bytes.begin, .end = bytes.end});
  }
  options.forbidden_special_ranges = ranges;
  return tokenizer.Encode(text, options);
}

}  // namespace firstlight
