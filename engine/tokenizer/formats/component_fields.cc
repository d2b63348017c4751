#include "engine/tokenizer/formats/component_fields.h"

#include <cstddef>
#include <utility>

#include "engine/tokenizer/text/utf8.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

// Real ones nest two deep.
constexpr int kMaxNesting = 8;

}  // namespace

absl::Status ComponentNotImplemented(const JsonValue& component, std::string_view kind,
                                     std::string_view type) {
  const std::string location(component.Error("").message());
  const std::string file = location.substr(0, location.find(':'));
  return absl::UnimplementedError(
      StrCat(file, ": ", kind, " type ", Quoted(type), " is not implemented"));
}

absl::Status InField(const JsonValue& json, const absl::Status& status) {
  const absl::Status located = json.Error(ToStd(status.message()));
  return absl::Status(status.code(), located.message());
}

absl::StatusOr<JsonArray> ComponentPlace::SequenceItems(const JsonValue& json,
                                                        std::string_view key) const {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray items, json.GetArray(key));
  if (depth_ >= kMaxNesting) {
    return json.Error(StrCat("sequences nest deeper than ", kMaxNesting));
  }
  if (items.size() > left_) {
    return json.Error(
        StrCat("expected at most ", kMaxComponents, " components in all, found more"));
  }
  left_ -= items.size();
  return items;
}

absl::StatusOr<JsonPattern> PatternFromJson(const JsonValue& json) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonValue field, json.Get("pattern"));
  if (field.type() == JsonType::kString || field.Find("String").has_value()) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view literal, field.type() == JsonType::kString
                                                                    ? field.AsString()
                                                                    : field.GetString("String"));
    return JsonPattern{
        .pattern = TextPattern::Literal(literal),
        .single_character = !literal.empty() && Utf8Length(literal[0]) == literal.size()};
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view regex, field.GetString("Regex"));
  absl::StatusOr<std::unique_ptr<const TextPattern>> pattern = TextPattern::Regex(regex);
  if (!pattern.ok()) {
    return InField(field, pattern.status());
  }
  return JsonPattern{.pattern = *std::move(pattern)};
}

absl::StatusOr<std::string> CharacterFromJson(const JsonValue& json, std::string_view key) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view character, json.GetString(key));
  if (character.empty() || Utf8Length(character[0]) != character.size()) {
    return json.Error(StrCat(key, ": expected one character, found ", Quoted(character)));
  }
  return std::string(character);
}

absl::StatusOr<SplitBehavior> BehaviorFromJson(const JsonValue& json, std::string_view otherwise) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view behavior,
                              json.GetString("behavior", otherwise));
  if (behavior == "Removed") return SplitBehavior::kRemoved;
  if (behavior == "Isolated") return SplitBehavior::kIsolated;
  if (behavior == "MergedWithPrevious") return SplitBehavior::kMergedWithPrevious;
  if (behavior == "MergedWithNext") return SplitBehavior::kMergedWithNext;
  if (behavior == "Contiguous") return SplitBehavior::kContiguous;
  return json.Error(
      StrCat("behavior: expected Removed, Isolated, MergedWithPrevious, "
             "MergedWithNext or Contiguous, found ",
             Quoted(behavior)));
}

absl::StatusOr<MetaspaceOptions::Prepend> PrependSchemeFromJson(const JsonValue& json) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const bool prefix_space, json.GetBool("add_prefix_space", true));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view scheme,
                              json.GetString("prepend_scheme", prefix_space ? "always" : "never"));
  if (scheme == "always") return MetaspaceOptions::Prepend::kAlways;
  if (scheme == "first") return MetaspaceOptions::Prepend::kFirst;
  if (scheme == "never") return MetaspaceOptions::Prepend::kNever;
  return json.Error(
      StrCat("prepend_scheme: expected always, first or never, found ", Quoted(scheme)));
}

}  // namespace firstlight
