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
#include "engine/tokenizer/pipeline.h"

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

// How a format treats the tokens that begin and end a text.
struct TokensAround {
  // Whether add_bos_token and add_eos_token put them around each text; the format's defaults.
  bool may_go_around_text = true;
  bool add_bos_token = false;
  bool add_eos_token = false;
  // Which they are where the configuration does not name them.
  std::optional<int32_t> bos_id = {};
  std::optional<int32_t> eos_id = {};
};

// The last of the work for every format. Completes `tokens`, which the vocabulary's own file lists,
// as transformers does: flags that `config` gives anew replace theirs, tokens that only `config`
// lists join them, and tokens that it names as special and that are in the vocabulary become
// special. Then sets added_tokens, bos_id and eos_id of `parts` and adds them to its
// post-processor. REQUIRES: `parts` has its model, its normalizer and its post-processor. Errors:
// as AddedTokens::Create.
absl::Status SetTokens(const TokenizerConfig& config, std::vector<AddedToken> tokens,
                       const TokensAround& around, PipelineTokenizer::Parts& parts);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_FORMATS_TOKENIZER_CONFIG_H_
