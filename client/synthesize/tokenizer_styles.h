#ifndef FIRSTLIGHT_CLIENT_SYNTHESIZE_TOKENIZER_STYLES_H_
#define FIRSTLIGHT_CLIENT_SYNTHESIZE_TOKENIZER_STYLES_H_

// What tells the published tokenizers apart: components, counts and special tokens.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "client/synthesize/shapes.h"

namespace firstlight {

enum class VocabularyKind : uint8_t {
  kByteLevel,     // GPT-2's 256 stand-ins for bytes
  kByteFallback,  // characters, and <0x00> to <0xFF> for what is none of them
};

struct TokenizerStyleSpec {
  VocabularyKind kind = VocabularyKind::kByteLevel;
  // Special tokens; in this order, first in the vocabulary or just past its end.
  std::vector<std::string> special_tokens;
  bool special_tokens_come_first = false;
  size_t vocabulary = 0;  // ids of the BPE model; special tokens that come first are among them
  size_t merges = 0;
  bool merges_numbers = false;
  // JSON values of tokenizer.json, and the options of its model apart from vocabulary and merges.
  std::string_view normalizer;
  std::string_view pre_tokenizer;
  std::string_view post_processor;
  std::string_view decoder;
  std::string_view model_options;
  // For tokenizer_config.json.
  std::string_view begin_token;
  std::string_view end_token;
  std::string_view tokenizer_class;
  std::string_view model_max_length;
};

TokenizerStyleSpec SpecOf(TokenizerStyle style);

}  // namespace firstlight

#endif  // FIRSTLIGHT_CLIENT_SYNTHESIZE_TOKENIZER_STYLES_H_
