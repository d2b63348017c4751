// `post_processor` of tokenizer.json: the list of its types.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "engine/tokenizer/formats/component_fields.h"
#include "engine/tokenizer/formats/component_json.h"
#include "engine/tokenizer/models/vocabulary.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

constexpr size_t kMaxTemplateTokens = 256;

absl::StatusOr<int32_t> TokenId(const JsonValue& json) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t id, json.AsInt64());
  if (id < 0 || id >= Vocabulary::kMaxIds) {
    return json.Error(StrCat("expected an id in [0, ", Vocabulary::kMaxIds, "), found ", id));
  }
  return static_cast<int32_t>(id);
}

// The special tokens of a template, by the names that it gives them.
using TemplateTokens = absl::flat_hash_map<std::string_view, JsonValue>;

absl::StatusOr<TemplateTokens> ReadTemplateTokens(const JsonValue& json) {
  TemplateTokens tokens;
  const std::optional<JsonValue> field = json.Find("special_tokens");
  if (!field.has_value()) return tokens;
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonObject members, field->AsObject());
  for (const auto& [name, token] : members) tokens.emplace(name, token);
  return tokens;
}

// The ids of a special token that a template names.
absl::Status AppendTemplateToken(const JsonValue& json, const TemplateTokens& tokens,
                                 const JsonValue& item, std::vector<int32_t>& ids) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view name, item.GetString("id"));
  const auto token = tokens.find(name);
  if (token == tokens.end()) {
    return item.Error(StrCat("special token ", Quoted(name), " is not among special_tokens"));
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray token_ids, token->second.GetArray("ids"));
  for (const JsonValue id : token_ids) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const int32_t value, TokenId(id));
    if (ids.size() >= kMaxTemplateTokens) {
      return json.Error(StrCat("template adds more than ", kMaxTemplateTokens, " tokens"));
    }
    ids.push_back(value);
  }
  return absl::OkStatus();
}

// The template for a single text: special tokens before and behind sequence A.
absl::StatusOr<PostProcessor> TemplateProcessing(const JsonValue& json) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray items, json.GetArray("single"));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const TemplateTokens tokens, ReadTemplateTokens(json));
  PostProcessor processor;
  bool seen_text = false;
  for (const JsonValue item : items) {
    if (const std::optional<JsonValue> token = item.Find("SpecialToken"); token.has_value()) {
      FIRSTLIGHT_RETURN_IF_ERROR(AppendTemplateToken(
          json, tokens, *token, seen_text ? processor.suffix : processor.prefix));
      continue;
    }
    FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonValue sequence, item.Get("Sequence"));
    FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view id, sequence.GetString("id"));
    if (id != "A" || seen_text) {
      return item.Error(
          StrCat("expected the sequence A once, found ", Quoted(id), seen_text ? " after it" : ""));
    }
    seen_text = true;
  }
  if (!seen_text) {
    return json.Error("single: expected the sequence A, found none");
  }
  return processor;
}

// ["[CLS]", 101] under `key`: BERT's and RoBERTa's way to give a token.
absl::StatusOr<int32_t> TokenPairId(const JsonValue& json, std::string_view key) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray pair, json.GetArray(key));
  if (pair.size() != 2) {
    return json.Error(StrCat(key, ": expected a token and its id, found ", pair.size(), " values"));
  }
  auto id = pair.begin();
  ++id;
  return TokenId(*id);
}

// "BertProcessing" and "RobertaProcessing", which differ in offsets and pairs only.
absl::StatusOr<PostProcessor> ClassifierAndSeparator(const JsonValue& json) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const int32_t cls, TokenPairId(json, "cls"));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const int32_t sep, TokenPairId(json, "sep"));
  return PostProcessor{.prefix = {cls}, .suffix = {sep}};
}

absl::StatusOr<PostProcessor> OnePostProcessor(const JsonValue& json, const ComponentPlace& place) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view type, json.GetString("type"));
  if (type == "ByteLevel") {
    // Changes offsets only, which nothing here reports.
    return PostProcessor();
  }
  if (type == "TemplateProcessing") {
    return TemplateProcessing(json);
  }
  if (type == "BertProcessing" || type == "RobertaProcessing") {
    return ClassifierAndSeparator(json);
  }
  if (type == "Sequence") {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray items, place.SequenceItems(json, "processors"));
    PostProcessor all;
    for (const JsonValue item : items) {
      FIRSTLIGHT_ASSIGN_OR_RETURN(const PostProcessor one, OnePostProcessor(item, place.Inside()));
      // A later processor goes around what the earlier ones made.
      all.prefix.insert(all.prefix.begin(), one.prefix.begin(), one.prefix.end());
      all.suffix.insert(all.suffix.end(), one.suffix.begin(), one.suffix.end());
    }
    return all;
  }
  return ComponentNotImplemented(json, "post_processor", type);
}

}  // namespace

absl::StatusOr<PostProcessor> PostProcessorFromJson(const JsonValue& json) {
  size_t left = kMaxComponents;
  return OnePostProcessor(json, ComponentPlace(left));
}

}  // namespace firstlight
