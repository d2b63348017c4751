#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/tokenizer/formats/component_fields.h"
#include "engine/tokenizer/formats/component_json.h"
#include "engine/tokenizer/formats/formats.h"
#include "engine/tokenizer/models/bpe.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"
#include "loader/json.h"

namespace firstlight {
namespace {

absl::StatusOr<Vocabulary> ReadVocabulary(const JsonValue& model) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonValue field, model.Get("vocab"));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonObject members, field.AsObject());
  std::vector<Vocabulary::Entry> entries;
  entries.reserve(members.size());
  for (const auto& [token, value] : members) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t id, value.AsInt64());
    entries.push_back({.token = token, .id = id});
  }
  absl::StatusOr<Vocabulary> vocabulary = Vocabulary::Create(entries);
  if (!vocabulary.ok()) {
    return InField(field, vocabulary.status());
  }
  return vocabulary;
}

// ["a", "b"], or "a b" in older files.
absl::StatusOr<BpeModel::MergePair> ReadMerge(const JsonValue& merge) {
  if (merge.type() == JsonType::kString) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view text, merge.AsString());
    const size_t space = text.find(' ');
    if (space == std::string_view::npos || text.find(' ', space + 1) != std::string_view::npos) {
      return merge.Error(
          StrCat("expected two tokens and a space between them, found ", Quoted(text)));
    }
    return BpeModel::MergePair(text.substr(0, space), text.substr(space + 1));
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray pair, merge.AsArray());
  if (pair.size() != 2) {
    return merge.Error(StrCat("expected two tokens, found ", pair.size()));
  }
  auto token = pair.begin();
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view left, (*token).AsString());
  ++token;
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view right, (*token).AsString());
  return BpeModel::MergePair(left, right);
}

absl::StatusOr<BpeModel::Options> ReadBpeOptions(const JsonValue& model) {
  BpeModel::Options options;
  FIRSTLIGHT_ASSIGN_OR_RETURN(const double dropout, model.GetDouble("dropout", 0.0));
  if (dropout != 0.0) {
    return absl::UnimplementedError(
        model.Error(StrCat("dropout ", dropout, " is not implemented")).message());
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(options.ignore_merges, model.GetBool("ignore_merges", false));
  FIRSTLIGHT_ASSIGN_OR_RETURN(options.byte_fallback, model.GetBool("byte_fallback", false));
  FIRSTLIGHT_ASSIGN_OR_RETURN(options.fuse_unk, model.GetBool("fuse_unk", false));
  FIRSTLIGHT_ASSIGN_OR_RETURN(options.unk_token, model.GetString("unk_token", ""));
  FIRSTLIGHT_ASSIGN_OR_RETURN(options.continuing_subword_prefix,
                              model.GetString("continuing_subword_prefix", ""));
  FIRSTLIGHT_ASSIGN_OR_RETURN(options.end_of_word_suffix,
                              model.GetString("end_of_word_suffix", ""));
  return options;
}

absl::StatusOr<std::unique_ptr<const TokenModel>> ReadBpe(const JsonValue& model,
                                                          BpeModel::Options options) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(Vocabulary vocabulary, ReadVocabulary(model));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray items, model.GetArray("merges"));
  std::vector<BpeModel::MergePair> merges;
  merges.reserve(items.size());
  for (const JsonValue item : items) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const BpeModel::MergePair merge, ReadMerge(item));
    merges.push_back(merge);
  }
  absl::StatusOr<std::unique_ptr<const BpeModel>> bpe =
      BpeModel::Create(std::move(vocabulary), merges, std::move(options));
  if (!bpe.ok()) {
    return InField(model, bpe.status());
  }
  return *std::move(bpe);
}

// The type was left out of files written before there was another.
absl::StatusOr<std::string_view> ModelType(const JsonValue& model) {
  return model.GetString("type", model.Find("merges").has_value() ? "BPE" : "");
}

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

}  // namespace

absl::StatusOr<PipelineTokenizer::Parts> ReadTokenizerJson(const std::filesystem::path& directory,
                                                           const TokenizerConfig& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::unique_ptr<const JsonDocument> document,
                              JsonDocument::ReadFile(directory / "tokenizer.json"));
  const JsonValue root = document->root();
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonValue model, root.Get("model"));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view type, ModelType(model));
  if (type != "BPE") {
    return ComponentNotImplemented(model, "model", type);
  }
  PipelineTokenizer::Parts parts;
  if (const auto normalizer = root.Find("normalizer"); normalizer.has_value()) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(parts.normalizer, NormalizerFromJson(*normalizer));
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(BpeModel::Options bpe_options, ReadBpeOptions(model));
  if (const auto pre_tokenizer = root.Find("pre_tokenizer"); pre_tokenizer.has_value()) {
    const bool may_leave_bytes =
        bpe_options.continuing_subword_prefix.empty() && bpe_options.end_of_word_suffix.empty();
    FIRSTLIGHT_ASSIGN_OR_RETURN(PreTokenizerFromJsonResult result,
                                PreTokenizerFromJson(*pre_tokenizer, may_leave_bytes));
    parts.pre_tokenizer = std::move(result.pre_tokenizer);
    bpe_options.byte_level = result.byte_level;
  }
  if (const auto post_processor = root.Find("post_processor"); post_processor.has_value()) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(parts.post_processor, PostProcessorFromJson(*post_processor));
  }
  if (const auto decoder = root.Find("decoder"); decoder.has_value()) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(parts.decoder, DecoderFromJson(*decoder));
  } else {
    parts.decoder = SpaceJoiningDecoder();
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(parts.model, ReadBpe(model, std::move(bpe_options)));
  FIRSTLIGHT_ASSIGN_OR_RETURN(std::vector<AddedToken> added_tokens,
                              ReadAddedTokens(root, parts.model->vocabulary()));
  MergeAddedTokens(config, parts.model->vocabulary(), added_tokens);
  parts.bos_id = FindTokenId(config.bos_token, added_tokens, parts.model->vocabulary());
  parts.eos_id = FindTokenId(config.eos_token, added_tokens, parts.model->vocabulary());
  absl::StatusOr<std::unique_ptr<const AddedTokens>> added =
      AddedTokens::Create(std::move(added_tokens), parts.normalizer.get());
  if (!added.ok()) {
    return InField(root, added.status());
  }
  parts.added_tokens = *std::move(added);
  return parts;
}

}  // namespace firstlight
