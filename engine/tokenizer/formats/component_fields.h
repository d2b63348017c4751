#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_FORMATS_COMPONENT_FIELDS_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_FORMATS_COMPONENT_FIELDS_H_

// The fields that components of several kinds have in tokenizer.json: for the files *_json.cc
// beside this one. Errors name the field.

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/tokenizer/pre_tokenizers/pre_tokenizer.h"
#include "engine/tokenizer/pre_tokenizers/split.h"
#include "engine/tokenizer/text/pattern.h"
#include "loader/json.h"

namespace firstlight {

// UNIMPLEMENTED "FILE: KIND type "TYPE" is not implemented".
absl::Status ComponentNotImplemented(const JsonValue& component, std::string_view kind,
                                     std::string_view type);

// `status`, which is not OK, with where in the file it arose.
absl::Status InField(const JsonValue& json, const absl::Status& status);

// The members of a "Sequence" under `key`, one level deeper than `depth`; INVALID_ARGUMENT beyond
// the limits of depth and number.
absl::StatusOr<JsonArray> SequenceItems(const JsonValue& json, std::string_view key, int depth);

// "pattern": {"String": "…"} or {"Regex": "…"}.
struct JsonPattern {
  std::unique_ptr<const TextPattern> pattern;
  bool single_character = false;
};
absl::StatusOr<JsonPattern> PatternFromJson(const JsonValue& json);

// The one character of the field `key`.
absl::StatusOr<std::string> CharacterFromJson(const JsonValue& json, std::string_view key);

// "behavior"; `otherwise` where there is none.
absl::StatusOr<SplitBehavior> BehaviorFromJson(const JsonValue& json, std::string_view otherwise);

// "prepend_scheme", or what older files call "add_prefix_space".
absl::StatusOr<MetaspaceOptions::Prepend> PrependSchemeFromJson(const JsonValue& json);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_FORMATS_COMPONENT_FIELDS_H_
