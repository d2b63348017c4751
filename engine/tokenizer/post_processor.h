#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_POST_PROCESSOR_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_POST_PROCESSOR_H_

// `post_processor` of tokenizer.json: the special tokens around the ids of a text. Every type that
// adds tokens comes down to a prefix and a suffix when the text is a single one, so this is data.

#include <cstdint>
#include <vector>

namespace firstlight {

struct PostProcessor {
  std::vector<int32_t> prefix;
  std::vector<int32_t> suffix;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_POST_PROCESSOR_H_
