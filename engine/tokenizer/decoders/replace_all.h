#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_DECODERS_REPLACE_ALL_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_DECODERS_REPLACE_ALL_H_

#include <string>
#include <string_view>

namespace firstlight {

// `text` with `with` for each `what`, left to right; as it is where `what` is empty.
std::string ReplaceAll(std::string_view text, std::string_view what, std::string_view with);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_DECODERS_REPLACE_ALL_H_
