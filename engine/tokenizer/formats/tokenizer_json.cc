#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "engine/tokenizer/formats/component_fields.h"
#include "engine/tokenizer/formats/component_json.h"
#include "engine/tokenizer/formats/formats.h"
#include "engine/tokenizer/formats/model_json.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"
#include "loader/json.h"

namespace firstlight {
namespace {

absl::StatusOr<std::vector<AddedToken>> ReadAddedTokens(const JsonValue& root,
                                                        const Vocabulary& vocabulary) {
  std::vector<AddedToken> tokens;
  const std::optional<JsonValue> field = root.Find("added_tokens");
  if (!field.has_value()) {
    return tokens;
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray items, field->AsArray());
  for (const JsonValue item : items) {
    AddedToken token;
    FIRSTLIGHT_ASSIGN_OR_RETURN(token.id, item.GetInt64("id"));
    FIRSTLIGHT_ASSIGN_OR_RETURN(token.content, item.GetString("content"));
    FIRSTLIGHT_ASSIGN_OR_RETURN(token.single_word, item.GetBool("single_word", false));
    FIRSTLIGHT_ASSIGN_OR_RETURN(token.lstrip, item.GetBool("lstrip", false));
    FIRSTLIGHT_ASSIGN_OR_RETURN(token.rstrip, item.GetBool("rstrip", false));
    FIRSTLIGHT_ASSIGN_OR_RETURN(token.special, item.GetBool("special", false));
    FIRSTLIGHT_ASSIGN_OR_RETURN(token.normalized, item.GetBool("normalized", !token.special));
    const int32_t in_vocabulary = vocabulary.Find(token.content);
    if (in_vocabulary != Vocabulary::kNoId && in_vocabulary != token.id) {
      return item.Error(StrCat("token ", Quoted(token.content), ": expected id ", in_vocabulary,
                               " as in vocab, found ", token.id));
    }
    tokens.push_back(std::move(token));
  }
  return tokens;
}

// Else every text would be given ids that the model may have no rows for.
absl::Status CheckPostProcessor(const JsonValue& root, const PipelineTokenizer::Parts& parts) {
  for (const std::vector<int32_t>* ids :
       {&parts.post_processor.prefix, &parts.post_processor.suffix}) {
    for (const int32_t id : *ids) {
      if (!parts.model->vocabulary().Has(id) && !parts.added_tokens->WithId(id).has_value()) {
        return root.Error(StrCat("post_processor: expected ids of tokens, found ", id));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PipelineTokenizer::Parts> ReadTokenizerJson(const std::filesystem::path& directory,
                                                           const TokenizerConfig& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::unique_ptr<const JsonDocument> document,
                              JsonDocument::ReadFile(directory / "tokenizer.json"));
  const JsonValue root = document->root();
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonValue model, root.Get("model"));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const bool may_leave_bytes, ModelMaySpellBytes(model));
  PipelineTokenizer::Parts parts;
  if (const auto normalizer = root.Find("normalizer"); normalizer.has_value()) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(parts.normalizer, NormalizerFromJson(*normalizer));
  }
  bool byte_level = false;
  if (const auto pre_tokenizer = root.Find("pre_tokenizer"); pre_tokenizer.has_value()) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(PreTokenizerFromJsonResult result,
                                PreTokenizerFromJson(*pre_tokenizer, may_leave_bytes));
    parts.pre_tokenizer = std::move(result.pre_tokenizer);
    byte_level = result.byte_level;
  }
  if (const auto post_processor = root.Find("post_processor"); post_processor.has_value()) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(parts.post_processor, PostProcessorFromJson(*post_processor));
  }
  if (const auto decoder = root.Find("decoder"); decoder.has_value()) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(parts.decoder, DecoderFromJson(*decoder));
  } else {
    parts.decoder = SpaceJoiningDecoder();
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(parts.model, ModelFromJson(model, byte_level));
  FIRSTLIGHT_ASSIGN_OR_RETURN(std::vector<AddedToken> added_tokens,
                              ReadAddedTokens(root, parts.model->vocabulary()));
  // The file's post-processor says what goes around a text, whatever the configuration says.
  if (const absl::Status status =
          SetTokens(config, std::move(added_tokens), {.may_go_around_text = false}, parts);
      !status.ok()) {
    return InField(root, status);
  }
  FIRSTLIGHT_RETURN_IF_ERROR(CheckPostProcessor(root, parts));
  return parts;
}

}  // namespace firstlight
