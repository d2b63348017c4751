#include "engine/generation_config.h"

#include <limits>
#include <memory>
#include <string>

#include "engine/architectures/config_fields.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"
#include "loader/json.h"

namespace firstlight {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

absl::Status ReadOptional(const JsonValue& root, std::string_view key, double minimum,
                          double maximum, std::optional<double>* out) {
  if (!root.Find(key).has_value()) return absl::OkStatus();
  FIRSTLIGHT_ASSIGN_OR_RETURN(*out, ReadNumber(root, key, 0.0, minimum, maximum));
  return absl::OkStatus();
}

absl::Status ReadOptional(const JsonValue& root, std::string_view key,
                          std::optional<int64_t>* out) {
  if (!root.Find(key).has_value()) return absl::OkStatus();
  FIRSTLIGHT_ASSIGN_OR_RETURN(*out,
                              ReadInteger(root, key, 0, 0, std::numeric_limits<int64_t>::max()));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<GenerationConfig> ParseGenerationConfig(std::string_view json,
                                                       std::string_view file_name) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::unique_ptr<const JsonDocument> document,
                              JsonDocument::Parse(std::string(file_name), std::string(json)));
  const JsonValue root = document->root();
  FIRSTLIGHT_RETURN_IF_ERROR(root.AsObject().status());

  GenerationConfig config;
  if (root.Find("do_sample").has_value()) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(config.do_sample, root.GetBool("do_sample"));
  }
  FIRSTLIGHT_RETURN_IF_ERROR(ReadOptional(root, "temperature", 0.0, 100.0, &config.temperature));
  FIRSTLIGHT_RETURN_IF_ERROR(ReadOptional(root, "top_k", &config.top_k));
  FIRSTLIGHT_RETURN_IF_ERROR(ReadOptional(root, "top_p", 0.0, 1.0, &config.top_p));
  FIRSTLIGHT_RETURN_IF_ERROR(ReadOptional(root, "min_p", 0.0, 1.0, &config.min_p));
  FIRSTLIGHT_RETURN_IF_ERROR(ReadOptional(root, "typical_p", 0.0, 1.0, &config.typical_p));
  FIRSTLIGHT_RETURN_IF_ERROR(ReadOptional(root, "repetition_penalty",
                                          std::numeric_limits<double>::min(), kInfinity,
                                          &config.repetition_penalty));
  FIRSTLIGHT_RETURN_IF_ERROR(ReadOptional(root, "max_new_tokens", &config.max_new_tokens));
  FIRSTLIGHT_ASSIGN_OR_RETURN(config.eos_token_ids, ReadTokenIds(root, "eos_token_id", {}));
  return config;
}

}  // namespace firstlight
