#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_FORMATS_COMPONENT_JSON_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_FORMATS_COMPONENT_JSON_H_

// The components of tokenizer.json, from their JSON to their objects. Each function has a file of
// its own (normalizer_json.cc and so on) with the one list of the types of its kind; a type that is
// not in it is refused by its name, UNIMPLEMENTED.

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/tokenizer/decoders/token_decoder.h"
#include "engine/tokenizer/normalizers/normalizer.h"
#include "engine/tokenizer/post_processor.h"
#include "engine/tokenizer/pre_tokenizers/pre_tokenizer.h"
#include "loader/json.h"

namespace firstlight {

// Null for a sequence of none.
absl::StatusOr<std::unique_ptr<const TextNormalizer>> NormalizerFromJson(const JsonValue& json);

struct PreTokenizerFromJsonResult {
  std::unique_ptr<const PreTokenizer> pre_tokenizer;
  // It ends in "ByteLevel" and left the spelling of bytes to the model.
  bool byte_level = false;
};
// `may_leave_bytes`: the model can spell bytes itself.
absl::StatusOr<PreTokenizerFromJsonResult> PreTokenizerFromJson(const JsonValue& json,
                                                                bool may_leave_bytes);

// A template's special tokens must have their ids beside them, as `tokenizers` writes it.
absl::StatusOr<PostProcessor> PostProcessorFromJson(const JsonValue& json);

absl::StatusOr<std::unique_ptr<const TokenDecoder>> DecoderFromJson(const JsonValue& json);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_FORMATS_COMPONENT_JSON_H_
