#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_FORMATS_COMPONENT_FIELDS_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_FORMATS_COMPONENT_FIELDS_H_

// The fields that components of several kinds have in tokenizer.json: for the files *_json.cc
// beside this one. Errors name the field.

#include <cstddef>
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

// Where a component stands among those of its kind that are inside each other. Decoding and its
// like go through all of them for each token, one call inside the other, so that depth and number
// are limited.
class ComponentPlace {
 public:
  // At the top. `left` outlives this and all that is inside it.
  explicit ComponentPlace(size_t& left) : left_(left) {}

  // The members of the "Sequence" that stands here, under `key`; INVALID_ARGUMENT beyond the
  // limits.
  absl::StatusOr<JsonArray> SequenceItems(const JsonValue& json, std::string_view key) const;
  // The place of such a member.
  ComponentPlace Inside() const { return {left_, depth_ + 1}; }

 private:
  ComponentPlace(size_t& left, int depth) : left_(left), depth_(depth) {}

  size_t& left_;  // how many more there may be, sequences included
  int depth_ = 0;
};
// Published tokenizers have a dozen of a kind at most.
inline constexpr size_t kMaxComponents = 256;

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
