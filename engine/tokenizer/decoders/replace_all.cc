#include "engine/tokenizer/decoders/replace_all.h"

namespace firstlight {

std::string ReplaceAll(std::string_view text, std::string_view what, std::string_view with) {
  std::string replaced;
  size_t found = 0;
  while (!what.empty() && (found = text.find(what)) != std::string_view::npos) {
    replaced += text.substr(0, found);
    replaced += with;
    text.remove_prefix(found + what.size());
  }
  replaced += text;
  return replaced;
}

}  // namespace firstlight
