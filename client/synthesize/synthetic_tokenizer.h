#ifndef FIRSTLIGHT_CLIENT_SYNTHESIZE_SYNTHETIC_TOKENIZER_H_
#define FIRSTLIGHT_CLIENT_SYNTHESIZE_SYNTHETIC_TOKENIZER_H_

// tokenizer.json and tokenizer_config.json in the format, with the components and of the size of a
// published tokenizer, over a made-up vocabulary (client/synthesize/vocabulary.h).

#include <string>

#include "client/synthesize/shapes.h"

namespace firstlight {

struct TokenizerFiles {
  std::string tokenizer_json;
  std::string tokenizer_config_json;
};

TokenizerFiles MakeTokenizer(TokenizerStyle style);

}  // namespace firstlight

#endif  // FIRSTLIGHT_CLIENT_SYNTHESIZE_SYNTHETIC_TOKENIZER_H_
