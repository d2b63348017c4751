#include "engine/architectures/rope_fields.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "engine/architectures/config_fields.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

constexpr double kLargestTheta = 1e15;
constexpr double kLargestFactor = 1e6;

// The members that describe the rotary embedding: rope_scaling where it says anything, else
// rope_parameters.
std::optional<JsonValue> FindRopeObject(const JsonValue& config, std::string_view layer_type,
                                        bool read_scaling) {
  for (const std::string_view key : {"rope_scaling", "rope_parameters"}) {
    std::optional<JsonValue> found = config.Find(key);
    if (!found.has_value() || (key == "rope_scaling" && !read_scaling)) continue;
    if (!layer_type.empty() && key == "rope_parameters") {
      if (found->type() != JsonType::kObject) return found;
      found = found->Find(layer_type);
      if (!found.has_value()) continue;
    }
    const absl::StatusOr<JsonObject> object = found->AsObject();
    if (!object.ok() || object->size() > 0) return found;
  }
  return std::nullopt;
}

absl::StatusOr<RopeType> ReadRopeType(const JsonValue& rope, bool yarn_is_longrope) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view legacy, rope.GetString("type", "default"));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view name, rope.GetString("rope_type", legacy));
  if (name == "default") return RopeType::kDefault;
  if (yarn_is_longrope && (name == "yarn" || name == "su")) return RopeType::kLongrope;
  if (name == "linear") return RopeType::kLinear;
  if (name == "dynamic") return RopeType::kDynamic;
  if (name == "llama3") return RopeType::kLlama3;
  if (name == "yarn") return RopeType::kYarn;
  if (name == "longrope") return RopeType::kLongrope;
  if (name == "proportional") return RopeType::kProportional;
  return absl::UnimplementedError(
      StrCat(rope.Error(StrCat("rope type ", Quoted(name), " is not implemented")).message(),
             "; known are default, linear, dynamic, llama3, yarn, longrope, proportional"));
}

// The outer field, where a file has it, goes before the inner one.
absl::Status ReadTrainedPositions(const JsonValue& config, const JsonValue& rope,
                                  const RopeContext& context, RopeSpec* spec) {
  constexpr std::string_view kTrained = "original_max_position_embeddings";
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      spec->trained_positions,
      ReadInteger(rope, kTrained,
                  context.trained_positions.value_or(context.max_position_embeddings), 1,
                  SizeLimits::kPositions));
  if (context.trained_positions.has_value()) spec->trained_positions = *context.trained_positions;
  if (!context.layer_type.empty()) return absl::OkStatus();
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      spec->trained_positions,
      ReadInteger(config, kTrained, spec->trained_positions, 1, SizeLimits::kPositions));
  return absl::OkStatus();
}

absl::Status ReadLlama3(const JsonValue& rope, RopeSpec* spec) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec->low_freq_factor,
                              ReadNumber(rope, "low_freq_factor", 1.0, 1e-6, kLargestFactor));
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec->high_freq_factor,
                              ReadNumber(rope, "high_freq_factor", 4.0, 1e-6, kLargestFactor));
  if (spec->high_freq_factor <= spec->low_freq_factor) {
    return rope.Error(StrCat("expected high_freq_factor above low_freq_factor, found ",
                             spec->high_freq_factor, " and ", spec->low_freq_factor));
  }
  return absl::OkStatus();
}

// 1 below a factor of 1: YaRN's equation 22.
double YarnScale(double factor, double multiplier) {
  return factor <= 1.0 ? 1.0 : 0.1 * multiplier * std::log(factor) + 1.0;
}

absl::Status ReadYarn(const JsonValue& rope, const RopeContext& context, RopeSpec* spec) {
  if (!rope.Find("factor").has_value()) {
    spec->factor = static_cast<double>(context.max_position_embeddings) /
                   static_cast<double>(spec->trained_positions);
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(const double mscale,
                              ReadNumber(rope, "mscale", 0.0, 0.0, kLargestFactor));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const double mscale_all_dim,
                              ReadNumber(rope, "mscale_all_dim", 0.0, 0.0, kLargestFactor));
  const double inferred =
      mscale != 0.0 && mscale_all_dim != 0.0
          ? YarnScale(spec->factor, mscale) / YarnScale(spec->factor, mscale_all_dim)
          : YarnScale(spec->factor, 1.0);
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec->attention_factor,
                              ReadNumber(rope, "attention_factor", inferred, 0.0, kLargestFactor));
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec->beta_fast,
                              ReadNumber(rope, "beta_fast", 32.0, 0.0, kLargestFactor));
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec->beta_slow,
                              ReadNumber(rope, "beta_slow", 1.0, 0.0, kLargestFactor));
  if (spec->beta_fast == 0.0) spec->beta_fast = 32.0;  // as there: `or 32`
  if (spec->beta_slow == 0.0) spec->beta_slow = 1.0;
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec->truncate, rope.GetBool("truncate", true));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<double>> ReadFactors(const JsonValue& rope, std::string_view key,
                                                int64_t pairs) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray array, rope.GetArray(key));
  std::vector<double> factors;
  for (const JsonValue value : array) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const double factor, value.AsDouble());
    if (!(factor >= 1e-6 && factor <= kLargestFactor)) {
      return value.Error(StrCat("expected a number in [1e-6, 1e6], found ", factor));
    }
    factors.push_back(factor);
  }
  if (static_cast<int64_t>(factors.size()) != pairs) {
    return rope.Get(key)->Error(
        StrCat("expected ", pairs, " numbers, one for each pair, found ", factors.size()));
  }
  return factors;
}

absl::Status ReadLongrope(const JsonValue& rope, const RopeContext& context, RopeSpec* spec) {
  const int64_t pairs = spec->rotary_dim / 2;
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec->short_factor, ReadFactors(rope, "short_factor", pairs));
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec->long_factor, ReadFactors(rope, "long_factor", pairs));
  const double stretch = static_cast<double>(context.max_position_embeddings) /
                         static_cast<double>(spec->trained_positions);
  FIRSTLIGHT_ASSIGN_OR_RETURN(const double factor,
                              ReadNumber(rope, "factor", stretch, 0.0, kLargestFactor));
  const double inferred =
      factor <= 1.0 || spec->trained_positions == 1
          ? 1.0
          : std::sqrt(1.0 +
                      std::log(factor) / std::log(static_cast<double>(spec->trained_positions)));
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec->attention_factor,
                              ReadNumber(rope, "attention_factor", inferred, 0.0, kLargestFactor));
  spec->factor = 1.0;  // it has done what it does
  return absl::OkStatus();
}

absl::Status ReadScaling(const JsonValue& config, const JsonValue& rope, const RopeContext& context,
                         RopeSpec* spec) {
  const bool needs_factor = spec->type == RopeType::kLinear || spec->type == RopeType::kDynamic ||
                            spec->type == RopeType::kLlama3;
  if (needs_factor && !rope.Find("factor").has_value()) {
    return rope.Error("expected a member \"factor\" with this rope type, found none");
  }
  if (spec->type != RopeType::kLongrope) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(spec->factor, ReadNumber(rope, "factor", 1.0, 1.0, kLargestFactor));
  }
  switch (spec->type) {
    case RopeType::kDynamic:
      if (spec->rotary_dim <= 2) return rope.Error("dynamic scaling needs a head_dim above 2");
      spec->trained_positions = context.max_position_embeddings;
      return absl::OkStatus();
    case RopeType::kLlama3:
      FIRSTLIGHT_RETURN_IF_ERROR(ReadTrainedPositions(config, rope, context, spec));
      return ReadLlama3(rope, spec);
    case RopeType::kYarn:
      FIRSTLIGHT_RETURN_IF_ERROR(ReadTrainedPositions(config, rope, context, spec));
      return ReadYarn(rope, context, spec);
    case RopeType::kLongrope:
      FIRSTLIGHT_RETURN_IF_ERROR(ReadTrainedPositions(config, rope, context, spec));
      return ReadLongrope(rope, context, spec);
    default:
      return absl::OkStatus();
  }
}

}  // namespace

bool DescribesRope(const JsonValue& config) {
  return FindRopeObject(config, /*layer_type=*/{}, /*read_scaling=*/true).has_value();
}

absl::StatusOr<RopeSpec> ReadRope(const JsonValue& config, const RopeContext& context) {
  RopeSpec spec;
  spec.pairing = context.pairing;
  spec.theta = context.theta;
  double partial = context.partial_rotary_factor;
  if (!context.theta_field.empty()) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(
        spec.theta, ReadNumber(config, context.theta_field, context.theta, 1.0, kLargestTheta));
  }
  constexpr std::string_view kPartial = "partial_rotary_factor";
  if (!context.partial_field.empty()) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(partial,
                                ReadNumber(config, context.partial_field, partial, 0.0, 1.0));
  }
  const std::optional<JsonValue> rope =
      FindRopeObject(config, context.layer_type, context.read_scaling);
  if (rope.has_value()) {
    FIRSTLIGHT_RETURN_IF_ERROR(rope->AsObject().status());
    FIRSTLIGHT_ASSIGN_OR_RETURN(spec.theta,
                                ReadNumber(*rope, "rope_theta", spec.theta, 1.0, kLargestTheta));
    FIRSTLIGHT_ASSIGN_OR_RETURN(partial, ReadNumber(*rope, kPartial, partial, 0.0, 1.0));
    FIRSTLIGHT_ASSIGN_OR_RETURN(spec.type, ReadRopeType(*rope, context.yarn_is_longrope));
  }
  if (spec.type == RopeType::kProportional) {
    spec.turning_pairs =
        static_cast<int64_t>(std::floor(partial * static_cast<double>(context.head_dim) / 2.0));
    partial = 1.0;
  }
  spec.rotary_dim = static_cast<int64_t>(static_cast<double>(context.head_dim) * partial);
  if (spec.rotary_dim % 2 != 0 || spec.rotary_dim == 0) {
    return config.Error(StrCat("expected an even head_dim (times ", kPartial,
                               "), 2 or more, found ", spec.rotary_dim));
  }
  if (rope.has_value()) {
    FIRSTLIGHT_RETURN_IF_ERROR(ReadScaling(config, *rope, context, &spec));
  }
  return spec;
}

}  // namespace firstlight
