#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_FORMATS_TOKENIZER_CONFIG_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_FORMATS_TOKENIZER_CONFIG_H_

// What stands beside a vocabulary: tokenizer_config.json, and the older special_tokens_map.json and
// added_tokens.json, as far as they decide ids or text.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/tokenizer/added_tokens.h"
#include "engine/tokenizer/models/vocabulary.h"

namespace firstlight {

struct TokenizerConfig {
  // Whether there is a tokenizer_config.json.
  bool present = false;
  // Without the "Fast" that it may end in; empty when not said.
  std::string tokenizer_class;
  std::optional<bool> add_bos_token;
  std::optional<bool> add_eos_token;
  std::optional<bool> add_prefix_space;
  std::optional<bool> legacy;
  std::optional<std::string> bos_token;
  std::optional<std::string> eos_token;
  // Contents of every token named as special, those two included.
  std::vector<std::string> special_tokens;
  // `added_tokens_decoder` and added_tokens.json.
  std::vector<AddedToken> added_tokens;
};

// Of the checkpoint in `directory`; files that are not there say nothing. Errors: INVALID_ARGUMENT
// naming file and field.
absl::StatusOr<TokenizerConfig> ReadTokenizerConfig(const std::filesystem::path& directory);

// Completes `tokens`, which the vocabulary's own file lists, as transformers does: flags that
// `config` gives anew replace theirs, tokens that only `config` lists join them, and tokens that it
// names as special and that are in `vocabulary` become special.
void MergeAddedTokens(const TokenizerConfig& config, const Vocabulary& vocabulary,
                      std::vector<AddedToken>& tokens);

// The id of `content` among `tokens`, else in `vocabulary`; nothing when it is in neither or not
// given.
std::optional<int32_t> FindTokenId(const std::optional<std::string>& content,
                                   const std::vector<AddedToken>& tokens,
                                   const Vocabulary& vocabulary);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_FORMATS_TOKENIZER_CONFIG_H_
