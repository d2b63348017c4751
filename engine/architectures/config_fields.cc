#include "engine/architectures/config_fields.h"

#include <limits>
#include <string>
#include <utility>

#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

// The members that describe the rotary embedding: rope_scaling where it says anything, else
// rope_parameters (PreTrainedConfig.convert_rope_params_to_dict).
std::optional<JsonValue> FindRopeObject(const JsonValue& config) {
  for (const std::string_view key : {"rope_scaling", "rope_parameters"}) {
    const std::optional<JsonValue> found = config.Find(key);
    if (!found.has_value()) continue;
    const absl::StatusOr<JsonObject> object = found->AsObject();
    if (!object.ok() || object->size() > 0) return found;
  }
  return std::nullopt;
}

absl::StatusOr<RopeType> ReadRopeType(const JsonValue& rope) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view legacy, rope.GetString("type", "default"));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view name, rope.GetString("rope_type", legacy));
  if (name == "default") return RopeType::kDefault;
  if (name == "linear") return RopeType::kLinear;
  if (name == "dynamic") return RopeType::kDynamic;
  if (name == "llama3") return RopeType::kLlama3;
  return absl::UnimplementedError(
      StrCat(rope.Error(StrCat("rope type ", Quoted(name), " is not implemented")).message(),
             "; known are default, linear, dynamic, llama3"));
}

absl::Status ReadScaling(const JsonValue& config, const JsonValue& rope, int64_t head_dim,
                         int64_t max_position_embeddings, RopeSpec* spec) {
  if (!rope.Find("factor").has_value()) {
    return rope.Error("expected a member \"factor\" with this rope type, found none");
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec->factor, ReadNumber(rope, "factor", 1.0, 1.0, 1e6));
  if (spec->type == RopeType::kDynamic) {
    if (head_dim <= 2) return rope.Error("dynamic scaling needs a head_dim above 2");
    spec->trained_positions = max_position_embeddings;
  }
  if (spec->type == RopeType::kLlama3) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(spec->low_freq_factor,
                                ReadNumber(rope, "low_freq_factor", 1.0, 1e-6, 1e6));
    FIRSTLIGHT_ASSIGN_OR_RETURN(spec->high_freq_factor,
                                ReadNumber(rope, "high_freq_factor", 4.0, 1e-6, 1e6));
    if (spec->high_freq_factor <= spec->low_freq_factor) {
      return rope.Error(StrCat("expected high_freq_factor above low_freq_factor, found ",
                               spec->high_freq_factor, " and ", spec->low_freq_factor));
    }
    // The outer field, where a file has it, goes before the inner one.
    constexpr std::string_view kTrained = "original_max_position_embeddings";
    FIRSTLIGHT_ASSIGN_OR_RETURN(
        spec->trained_positions,
        ReadInteger(rope, kTrained, max_position_embeddings, 1, SizeLimits::kPositions));
    FIRSTLIGHT_ASSIGN_OR_RETURN(
        spec->trained_positions,
        ReadInteger(config, kTrained, spec->trained_positions, 1, SizeLimits::kPositions));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<int64_t> ReadInteger(const JsonValue& config, std::string_view key,
                                    int64_t otherwise, int64_t minimum, int64_t maximum) {
  const std::optional<JsonValue> found = config.Find(key);
  if (!found.has_value()) return otherwise;
  FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t value, found->AsInt64());
  if (value < minimum || value > maximum) {
    return found->Error(
        StrCat("expected an integer in [", minimum, ", ", maximum, "], found ", value));
  }
  return value;
}

absl::StatusOr<double> ReadNumber(const JsonValue& config, std::string_view key, double otherwise,
                                  double minimum, double maximum) {
  const std::optional<JsonValue> found = config.Find(key);
  if (!found.has_value()) return otherwise;
  FIRSTLIGHT_ASSIGN_OR_RETURN(const double value, found->AsDouble());
  if (!(value >= minimum && value <= maximum)) {
    return found->Error(
        StrCat("expected a number in [", minimum, ", ", maximum, "], found ", value));
  }
  return value;
}

bool IsNull(const JsonValue& config, std::string_view key) {
  const absl::StatusOr<JsonObject> fields = config.AsObject();
  if (!fields.ok()) return false;
  for (const auto& [name, value] : *fields) {
    if (name == key) return value.is_null();
  }
  return false;
}

absl::StatusOr<std::vector<int32_t>> ReadTokenIds(const JsonValue& config, std::string_view key,
                                                  std::vector<int32_t> otherwise) {
  if (IsNull(config, key)) return std::vector<int32_t>();
  const std::optional<JsonValue> found = config.Find(key);
  if (!found.has_value()) return otherwise;
  std::vector<int32_t> ids;
  const auto append = [&ids](const JsonValue& value) -> absl::Status {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t id, value.AsInt64());
    if (id < 0 || id > std::numeric_limits<int32_t>::max()) {
      return value.Error(StrCat("expected a token id, found ", id));
    }
    ids.push_back(static_cast<int32_t>(id));
    return absl::OkStatus();
  };
  if (found->type() != JsonType::kArray) {
    FIRSTLIGHT_RETURN_IF_ERROR(append(*found));
    return ids;
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray array, found->AsArray());
  for (const JsonValue value : array) FIRSTLIGHT_RETURN_IF_ERROR(append(value));
  return ids;
}

absl::StatusOr<RopeSpec> ReadRope(const JsonValue& config, int64_t head_dim,
                                  int64_t max_position_embeddings) {
  constexpr double kLargestTheta = 1e15;
  RopeSpec spec;
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.theta,
                              ReadNumber(config, "rope_theta", spec.theta, 1.0, kLargestTheta));
  const std::optional<JsonValue> rope = FindRopeObject(config);
  for (const JsonValue& holder : {config, rope.value_or(config)}) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const double rotated,
                                ReadNumber(holder, "partial_rotary_factor", 1.0, 0.0, 1.0));
    if (rotated != 1.0) {
      return absl::UnimplementedError(holder.Get("partial_rotary_factor")
                                          ->Error("a partial rotation is not implemented")
                                          .message());
    }
  }
  if (!rope.has_value()) return spec;
  FIRSTLIGHT_RETURN_IF_ERROR(rope->AsObject().status());
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.theta,
                              ReadNumber(*rope, "rope_theta", spec.theta, 1.0, kLargestTheta));
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.type, ReadRopeType(*rope));
  if (spec.type != RopeType::kDefault) {
    FIRSTLIGHT_RETURN_IF_ERROR(
        ReadScaling(config, *rope, head_dim, max_position_embeddings, &spec));
  }
  return spec;
}

}  // namespace firstlight
