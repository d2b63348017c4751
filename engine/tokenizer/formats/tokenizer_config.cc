#include "engine/tokenizer/formats/tokenizer_config.h"

#include <algorithm>
#include <array>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "absl/strings/numbers.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"
#include "loader/json.h"

namespace firstlight {
namespace {

constexpr std::array<std::string_view, 7> kSpecialTokenNames = {
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};

// Null when there is no such file.
absl::StatusOr<std::unique_ptr<const JsonDocument>> ReadIfPresent(
    const std::filesystem::path& path) {
  absl::StatusOr<std::unique_ptr<const JsonDocument>> document = JsonDocument::ReadFile(path);
  if (absl::IsNotFound(document.status())) {
    return nullptr;
  }
  return document;
}

// A token is written as a string or as an object with its flags.
absl::StatusOr<std::string> TokenContent(const JsonValue& token) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view content, token.type() == JsonType::kObject
                                                                  ? token.GetString("content")
                                                                  : token.AsString());
  return std::string(content);
}

absl::StatusOr<std::optional<bool>> OptionalBool(const JsonValue& root, std::string_view key) {
  if (!root.Find(key).has_value()) {
    return std::optional<bool>();
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(const bool value, root.GetBool(key));
  return std::optional<bool>(value);
}

absl::Status ReadSpecialTokens(const JsonValue& root, TokenizerConfig& config) {
  for (const std::string_view name : kSpecialTokenNames) {
    const std::optional<JsonValue> token = root.Find(name);
    // Some files have `false` or a list where a token is not given.
    if (!token.has_value() ||
        (token->type() != JsonType::kString && token->type() != JsonType::kObject)) {
      continue;
    }
    FIRSTLIGHT_ASSIGN_OR_RETURN(std::string content, TokenContent(*token));
    if (name == "bos_token" && !config.bos_token.has_value()) {
      config.bos_token = content;
    } else if (name == "eos_token" && !config.eos_token.has_value()) {
      config.eos_token = content;
    }
    config.special_tokens.push_back(std::move(content));
  }
  for (const std::string_view name : {"additional_special_tokens", "extra_special_tokens"}) {
    const std::optional<JsonValue> tokens = root.Find(name);
    if (!tokens.has_value() || tokens->type() != JsonType::kArray) {
      continue;
    }
    FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray items, tokens->AsArray());
    for (const JsonValue item : items) {
      FIRSTLIGHT_ASSIGN_OR_RETURN(std::string content, TokenContent(item));
      config.special_tokens.push_back(std::move(content));
    }
  }
  return absl::OkStatus();
}

absl::Status ReadAddedTokensDecoder(const JsonValue& decoder, TokenizerConfig& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonObject members, decoder.AsObject());
  for (const auto& [key, value] : members) {
    AddedToken token;
    if (!absl::SimpleAtoi(ToAbsl(key), &token.id)) {
      return value.Error(StrCat("expected an id as the key, found ", Quoted(key)));
    }
    FIRSTLIGHT_ASSIGN_OR_RETURN(token.content, TokenContent(value));
    FIRSTLIGHT_ASSIGN_OR_RETURN(token.special, value.GetBool("special", false));
    FIRSTLIGHT_ASSIGN_OR_RETURN(token.normalized, value.GetBool("normalized", !token.special));
    FIRSTLIGHT_ASSIGN_OR_RETURN(token.single_word, value.GetBool("single_word", false));
    FIRSTLIGHT_ASSIGN_OR_RETURN(token.lstrip, value.GetBool("lstrip", false));
    FIRSTLIGHT_ASSIGN_OR_RETURN(token.rstrip, value.GetBool("rstrip", false));
    config.added_tokens.push_back(std::move(token));
  }
  return absl::OkStatus();
}

absl::Status ReadConfigFile(const JsonValue& root, TokenizerConfig& config) {
  config.present = true;
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view tokenizer_class,
                              root.GetString("tokenizer_class", ""));
  config.tokenizer_class = tokenizer_class;
  if (config.tokenizer_class.ends_with("Fast")) {
    config.tokenizer_class.resize(config.tokenizer_class.size() - 4);
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(config.add_bos_token, OptionalBool(root, "add_bos_token"));
  FIRSTLIGHT_ASSIGN_OR_RETURN(config.add_eos_token, OptionalBool(root, "add_eos_token"));
  FIRSTLIGHT_ASSIGN_OR_RETURN(config.add_prefix_space, OptionalBool(root, "add_prefix_space"));
  FIRSTLIGHT_ASSIGN_OR_RETURN(config.legacy, OptionalBool(root, "legacy"));
  FIRSTLIGHT_RETURN_IF_ERROR(ReadSpecialTokens(root, config));
  if (const auto decoder = root.Find("added_tokens_decoder"); decoder.has_value()) {
    FIRSTLIGHT_RETURN_IF_ERROR(ReadAddedTokensDecoder(*decoder, config));
  }
  return absl::OkStatus();
}

// {"<token>": id}: only for tokens that tokenizer_config.json does not list.
absl::Status ReadAddedTokensFile(const JsonValue& root, TokenizerConfig& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonObject members, root.AsObject());
  const std::unordered_set<std::string_view> special(config.special_tokens.begin(),
                                                     config.special_tokens.end());
  std::unordered_set<std::string> contents;
  std::unordered_set<int64_t> ids;
  for (const AddedToken& token : config.added_tokens) {
    contents.insert(token.content);
    ids.insert(token.id);
  }
  for (const auto& [content, value] : members) {
    AddedToken token;
    FIRSTLIGHT_ASSIGN_OR_RETURN(token.id, value.AsInt64());
    token.content = content;
    token.special = special.contains(content);
    token.normalized = !token.special;
    if (ids.contains(token.id) || contents.contains(token.content)) continue;
    ids.insert(token.id);
    contents.insert(token.content);
    config.added_tokens.push_back(std::move(token));
  }
  return absl::OkStatus();
}

void CompleteAddedTokens(const TokenizerConfig& config, const Vocabulary& vocabulary,
                         std::vector<AddedToken>& tokens) {
  std::unordered_map<std::string, size_t> by_content;
  std::unordered_map<int64_t, size_t> by_id;
  const auto add = [&](const AddedToken& token) {
    by_content.emplace(token.content, tokens.size());
    by_id.emplace(token.id, tokens.size());
    tokens.push_back(token);
  };
  for (size_t i = 0; i < tokens.size(); ++i) {
    by_content.emplace(tokens[i].content, i);
    by_id.emplace(tokens[i].id, i);
  }
  for (const AddedToken& token : config.added_tokens) {
    const auto same_content = by_content.find(token.content);
    if (same_content != by_content.end()) {
      const int64_t id = tokens[same_content->second].id;
      tokens[same_content->second] = token;
      tokens[same_content->second].id = id;
      continue;
    }
    const int32_t in_vocabulary = vocabulary.Find(token.content);
    const bool id_is_free = !by_id.contains(token.id) &&
                            (in_vocabulary == Vocabulary::kNoId || in_vocabulary == token.id);
    if (id_is_free) {
      add(token);
    }
  }
  for (const std::string& content : config.special_tokens) {
    const int32_t id = vocabulary.Find(content);
    if (!content.empty() && id != Vocabulary::kNoId && !by_content.contains(content) &&
        !by_id.contains(id)) {
      add({.id = id, .content = content, .normalized = false, .special = true});
    }
  }
}

// The id of `content` among `tokens`, else in `vocabulary`; nothing when it is in neither or not
// given.
std::optional<int32_t> FindTokenId(const std::optional<std::string>& content,
                                   const std::vector<AddedToken>& tokens,
                                   const Vocabulary& vocabulary) {
  if (!content.has_value() || content->empty()) {
    return std::nullopt;
  }
  for (const AddedToken& token : tokens) {
    if (token.content == *content) {
      return static_cast<int32_t>(token.id);
    }
  }
  const int32_t id = vocabulary.Find(*content);
  return id == Vocabulary::kNoId ? std::nullopt : std::optional<int32_t>(id);
}

}  // namespace

absl::StatusOr<TokenizerConfig> ReadTokenizerConfig(const std::filesystem::path& directory) {
  TokenizerConfig config;
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::unique_ptr<const JsonDocument> config_file,
                              ReadIfPresent(directory / "tokenizer_config.json"));
  if (config_file != nullptr) {
    FIRSTLIGHT_RETURN_IF_ERROR(ReadConfigFile(config_file->root(), config));
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::unique_ptr<const JsonDocument> map_file,
                              ReadIfPresent(directory / "special_tokens_map.json"));
  if (map_file != nullptr) {
    FIRSTLIGHT_RETURN_IF_ERROR(ReadSpecialTokens(map_file->root(), config));
  }
  if (config.added_tokens.empty()) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const std::unique_ptr<const JsonDocument> added_file,
                                ReadIfPresent(directory / "added_tokens.json"));
    if (added_file != nullptr) {
      FIRSTLIGHT_RETURN_IF_ERROR(ReadAddedTokensFile(added_file->root(), config));
    }
  }
  return config;
}

absl::Status SetTokens(const TokenizerConfig& config, std::vector<AddedToken> tokens,
                       const TokensAround& around, PipelineTokenizer::Parts& parts) {
  const Vocabulary& vocabulary = parts.model->vocabulary();
  CompleteAddedTokens(config, vocabulary, tokens);
  parts.bos_id = config.bos_token.has_value() ? FindTokenId(config.bos_token, tokens, vocabulary)
                                              : around.bos_id;
  parts.eos_id = config.eos_token.has_value() ? FindTokenId(config.eos_token, tokens, vocabulary)
                                              : around.eos_id;
  if (around.may_go_around_text) {
    if (config.add_bos_token.value_or(around.add_bos_token) && parts.bos_id.has_value()) {
      parts.post_processor.prefix.push_back(*parts.bos_id);
    }
    if (config.add_eos_token.value_or(around.add_eos_token) && parts.eos_id.has_value()) {
      parts.post_processor.suffix.push_back(*parts.eos_id);
    }
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(parts.added_tokens,
                              AddedTokens::Create(std::move(tokens), parts.normalizer.get()));
  return absl::OkStatus();
}

}  // namespace firstlight
