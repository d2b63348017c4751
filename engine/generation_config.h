#ifndef FIRSTLIGHT_ENGINE_GENERATION_CONFIG_H_
#define FIRSTLIGHT_ENGINE_GENERATION_CONFIG_H_

// The generation defaults that a checkpoint brings: generation_config.json, as it stands.
//
// What the file leaves out (or sets to null) is unset here; how a request, these and the server's
// defaults combine is decided where a request is resolved. Fields have the file's own names.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace firstlight {

inline constexpr std::string_view kGenerationConfigFile = "generation_config.json";
inline constexpr int64_t kMaxGenerationConfigBytes = int64_t{1} << 20;

struct GenerationConfig {
  std::optional<bool> do_sample;
  std::optional<double> temperature;         // >= 0
  std::optional<int64_t> top_k;              // 0 is off
  std::optional<double> top_p;               // [0, 1]
  std::optional<double> min_p;               // [0, 1]
  std::optional<double> typical_p;           // [0, 1]
  std::optional<double> repetition_penalty;  // > 0
  std::optional<int64_t> max_new_tokens;     // >= 0
  // Sequences of tokens that must not come, none of them empty (`bad_words_ids`).
  std::vector<std::vector<int32_t>> bad_words_ids;
  // Any of them ends a sequence. Empty: the file has none.
  std::vector<int32_t> eos_token_ids;
  // Fields that are set to something that changes what transformers generates and that is not
  // implemented here, in the order of their names: the model serves without them, and whoever loads
  // it must be told.
  std::vector<std::string> ignored_fields;
};

// Parses the contents of `file_name` (used in messages). INVALID_ARGUMENT for malformed JSON and
// for a field of the wrong type or out of range, naming it.
absl::StatusOr<GenerationConfig> ParseGenerationConfig(std::string_view json,
                                                       std::string_view file_name);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_GENERATION_CONFIG_H_
