#include "engine/generation_config.h"

#include <array>
#include <limits>
#include <memory>
#include <string>
#include <vector>

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

// Fields of transformers' GenerationConfig that change a decoder's output beyond those that are
// read here, in the order of their names. Those that only matter to beams or encoders beside one of
// these are left out.
constexpr auto kNotImplemented = std::to_array<std::string_view>({
    "begin_suppress_tokens",
    "constraints",
    "dola_layers",
    "epsilon_cutoff",
    "eta_cutoff",
    "exponential_decay_length_penalty",
    "force_words_ids",
    "forced_bos_token_id",
    "forced_decoder_ids",
    "forced_eos_token_id",
    "guidance_scale",
    "max_time",
    "min_length",
    "min_new_tokens",
    "no_repeat_ngram_size",
    "num_beam_groups",
    "num_beams",
    "num_return_sequences",
    "penalty_alpha",
    "sequence_bias",
    "stop_strings",
    "suppress_tokens",
    "top_h",
    "watermarking_config",
});

// Whether a value of one of these fields leaves transformers' output alone.
bool HasNoEffect(std::string_view key, const JsonValue& value) {
  switch (value.type()) {
    case JsonType::kNull:
      return true;
    case JsonType::kBool:
      return !*value.AsBool();
    case JsonType::kInteger:
    case JsonType::kDouble: {
      const double number = *value.AsDouble();
      // Token 0 can be forced; elsewhere 0 is off, and so is 1 where it counts or multiplies.
      if (key.starts_with("forced_")) return false;
      const bool counts_from_one = key.starts_with("num_") || key == "guidance_scale";
      return number == 0 || (counts_from_one && number == 1);
    }
    case JsonType::kString:
      return value.AsString()->empty();
    case JsonType::kArray:
      return value.AsArray()->size() == 0;
    case JsonType::kObject:
      return value.AsObject()->size() == 0;
  }
  return false;
}

// As many as a request may name (generation_options.h): each is looked at for every token.
constexpr size_t kMaxBadWordsIds = 1024;

absl::StatusOr<std::vector<std::vector<int32_t>>> ReadBadWords(const JsonValue& root) {
  constexpr std::string_view kField = "bad_words_ids";
  std::vector<std::vector<int32_t>> words;
  const std::optional<JsonValue> field = root.Find(kField);
  if (!field.has_value() || field->type() == JsonType::kNull) return words;
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray list, field->AsArray());
  if (list.size() > kMaxBadWordsIds) {
    return field->Error(
        StrCat("expected at most ", kMaxBadWordsIds, " entries, found ", list.size()));
  }
  words.reserve(list.size());
  for (const JsonValue& entry : list) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray ids, entry.AsArray());
    if (ids.size() == 0) return entry.Error("expected at least one token id, found none");
    std::vector<int32_t>& word = words.emplace_back();
    word.reserve(ids.size());
    for (const JsonValue& value : ids) {
      FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t id, value.AsInt64());
      if (id < 0 || id > std::numeric_limits<int32_t>::max()) {
        return value.Error(StrCat("expected a token id, found ", id));
      }
      word.push_back(static_cast<int32_t>(id));
    }
  }
  return words;
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
  FIRSTLIGHT_ASSIGN_OR_RETURN(config.bad_words_ids, ReadBadWords(root));
  for (const std::string_view key : kNotImplemented) {
    const std::optional<JsonValue> value = root.Find(key);
    if (value.has_value() && !HasNoEffect(key, *value)) config.ignored_fields.emplace_back(key);
  }
  return config;
}

}  // namespace firstlight
