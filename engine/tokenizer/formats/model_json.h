#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_FORMATS_MODEL_JSON_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_FORMATS_MODEL_JSON_H_

// `model` of tokenizer.json, and what other files hold in the same form.

#include <memory>
#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "engine/tokenizer/models/bpe.h"
#include "engine/tokenizer/models/token_model.h"
#include "engine/tokenizer/models/vocabulary.h"
#include "loader/json.h"

namespace firstlight {

// The model of `json`: model_json.cc has the one list of its types. UNIMPLEMENTED for another type.
// `byte_level`: it is to spell bytes itself (BpeModel::Options::byte_level).
// REQUIRES: !byte_level || ModelMaySpellBytes.
absl::StatusOr<std::unique_ptr<const TokenModel>> ModelFromJson(const JsonValue& json,
                                                                bool byte_level);

// Whether a pre-tokenizer may leave the spelling of bytes to the model of `json`.
absl::StatusOr<bool> ModelMaySpellBytes(const JsonValue& json);

// {"token": id, …}
absl::StatusOr<Vocabulary> VocabularyFromJson(const JsonValue& json);

// "left right"; nothing unless there is one space.
std::optional<BpeModel::MergePair> SplitMerge(std::string_view text);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_FORMATS_MODEL_JSON_H_
