// `pre_tokenizer` of tokenizer.json: the list of its types.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/tokenizer/formats/component_fields.h"
#include "engine/tokenizer/formats/component_json.h"
#include "engine/tokenizer/pre_tokenizers/split.h"
#include "loader/base/status_macros.h"

namespace firstlight {
namespace {

absl::StatusOr<std::unique_ptr<const PreTokenizer>> OnePreTokenizer(const JsonValue& json,
                                                                    const ComponentPlace& place,
                                                                    bool leave_bytes,
                                                                    bool& byte_level);

absl::StatusOr<std::unique_ptr<const PreTokenizer>> PreTokenizers(const JsonValue& json,
                                                                  const ComponentPlace& place,
                                                                  bool leave_bytes,
                                                                  bool& byte_level) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray items, place.SequenceItems(json, "pretokenizers"));
  std::vector<std::unique_ptr<const PreTokenizer>> pre_tokenizers;
  for (const JsonValue item : items) {
    const bool last = pre_tokenizers.size() + 1 == items.size();
    FIRSTLIGHT_ASSIGN_OR_RETURN(
        std::unique_ptr<const PreTokenizer> pre_tokenizer,
        OnePreTokenizer(item, place.Inside(), leave_bytes && last, byte_level));
    pre_tokenizers.push_back(std::move(pre_tokenizer));
  }
  return SequencePreTokenizer(std::move(pre_tokenizers));
}

absl::StatusOr<std::unique_ptr<const PreTokenizer>> OnePreTokenizer(const JsonValue& json,
                                                                    const ComponentPlace& place,
                                                                    bool leave_bytes,
                                                                    bool& byte_level) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view type, json.GetString("type"));
  if (type == "Sequence") {
    return PreTokenizers(json, place, leave_bytes, byte_level);
  }
  if (type == "ByteLevel") {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const bool prefix_space, json.GetBool("add_prefix_space"));
    FIRSTLIGHT_ASSIGN_OR_RETURN(const bool use_regex, json.GetBool("use_regex", true));
    byte_level = leave_bytes;
    return ByteLevelPreTokenizer(
        {.add_prefix_space = prefix_space, .use_regex = use_regex, .spell = !leave_bytes});
  }
  if (type == "Split") {
    FIRSTLIGHT_ASSIGN_OR_RETURN(JsonPattern pattern, PatternFromJson(json));
    FIRSTLIGHT_ASSIGN_OR_RETURN(const SplitBehavior behavior, BehaviorFromJson(json, ""));
    FIRSTLIGHT_ASSIGN_OR_RETURN(const bool invert, json.GetBool("invert", false));
    return SplitPreTokenizer(std::move(pattern.pattern), behavior, invert);
  }
  if (type == "Metaspace") {
    FIRSTLIGHT_ASSIGN_OR_RETURN(std::string replacement, CharacterFromJson(json, "replacement"));
    FIRSTLIGHT_ASSIGN_OR_RETURN(const MetaspaceOptions::Prepend prepend,
                                PrependSchemeFromJson(json));
    FIRSTLIGHT_ASSIGN_OR_RETURN(const bool split, json.GetBool("split", true));
    return MetaspacePreTokenizer(
        {.replacement = std::move(replacement), .prepend = prepend, .split = split});
  }
  if (type == "Digits") {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const bool individual, json.GetBool("individual_digits", false));
    return DigitsPreTokenizer(individual);
  }
  if (type == "Punctuation") {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const SplitBehavior behavior, BehaviorFromJson(json, "Isolated"));
    return PunctuationPreTokenizer(behavior);
  }
  if (type == "BertPreTokenizer") {
    std::vector<std::unique_ptr<const PreTokenizer>> sequence;
    sequence.push_back(WhitespaceSplitPreTokenizer());
    sequence.push_back(PunctuationPreTokenizer(SplitBehavior::kIsolated));
    return SequencePreTokenizer(std::move(sequence));
  }
  if (type == "CharDelimiterSplit") {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string delimiter, CharacterFromJson(json, "delimiter"));
    return SplitPreTokenizer(TextPattern::Literal(delimiter), SplitBehavior::kRemoved,
                             /*invert=*/false);
  }
  if (type == "UnicodeScripts") {
    return UnicodeScriptsPreTokenizer();
  }
  if (type == "Whitespace") {
    return WhitespacePreTokenizer();
  }
  if (type == "WhitespaceSplit") {
    return WhitespaceSplitPreTokenizer();
  }
  return ComponentNotImplemented(json, "pre_tokenizer", type);
}

}  // namespace

absl::StatusOr<PreTokenizerFromJsonResult> PreTokenizerFromJson(const JsonValue& json,
                                                                bool may_leave_bytes) {
  PreTokenizerFromJsonResult result;
  size_t left = kMaxComponents;
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      result.pre_tokenizer,
      OnePreTokenizer(json, ComponentPlace(left), may_leave_bytes, result.byte_level));
  return result;
}

}  // namespace firstlight
