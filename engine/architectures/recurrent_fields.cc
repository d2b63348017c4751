#include "engine/architectures/recurrent_fields.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "engine/architectures/config_fields.h"
#include "engine/architectures/decoder_fields.h"
#include "engine/recurrent/convolution.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

constexpr int64_t kLargestState = 1024;

std::string_view ModernName(std::string_view type) {
  if (type == "mamba") return "linear_attention";
  if (type == "attention") return "full_attention";
  return type;
}

// The convolution's own products know no other.
absl::Status CheckSilu(const JsonValue& config, std::string_view field) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const Activation activation, ReadActivation(config, field, "silu"));
  if (activation == Activation::kSilu) return absl::OkStatus();
  return absl::UnimplementedError(
      config.Get(field)
          ->Error("recurrent layers with another than silu are not implemented")
          .message());
}

bool IsInfinity(const JsonValue& value) {
  const absl::StatusOr<std::string_view> text = value.AsString();
  if (text.ok()) return *text == "Inf";  // JsonOptions::python_numbers
  if (value.type() != JsonType::kObject) return false;
  const absl::StatusOr<std::string_view> tagged = value.GetString("__float__", "");
  return tagged.ok() && *tagged == "Infinity";
}

absl::Status ReadTimeStepLimit(const JsonValue& config, RecurrentSpec* recurrent) {
  const std::optional<JsonValue> found = config.Find("time_step_limit");
  if (!found.has_value()) return absl::OkStatus();
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray list, found->AsArray());
  std::vector<double> limits;
  for (const JsonValue value : list) {
    double limit = std::numeric_limits<double>::infinity();
    if (!IsInfinity(value)) {
      FIRSTLIGHT_ASSIGN_OR_RETURN(limit, value.AsDouble());
    }
    limits.push_back(limit);
  }
  if (limits.size() != 2 || std::isinf(limits[0]) || limits[1] <= 0.0 || limits[0] > limits[1]) {
    return found->Error("expected the smallest and the largest step");
  }
  // A step is positive: softplus has computed it.
  recurrent->smallest_prompt_step = std::max(limits[0], 0.0);
  recurrent->largest_prompt_step = limits[1];
  return absl::OkStatus();
}

absl::Status ReadSmallestTimeStep(const JsonValue& config, const Mamba2Fields& fields,
                                  RecurrentSpec* recurrent) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      recurrent->smallest_prompt_step,
      ReadNumber(config, fields.smallest_step, fields.default_smallest_step, 0.0, 1e6));
  return absl::OkStatus();
}

absl::Status CheckGroups(const JsonValue& config, std::string_view heads, std::string_view groups,
                         const RecurrentSpec& recurrent) {
  if (recurrent.heads % recurrent.groups == 0) return absl::OkStatus();
  return config.Error(StrCat("expected ", heads, " to be a multiple of ", groups, ", found ",
                             recurrent.heads, " and ", recurrent.groups));
}

// "auto" is none.
absl::StatusOr<std::optional<int64_t>> ReadHeadDim(const JsonValue& config,
                                                   const Mamba2Fields& fields) {
  const std::optional<JsonValue> found = config.Find(fields.head_dim);
  if (!found.has_value()) return fields.default_head_dim;
  if (found->type() == JsonType::kString) {
    FIRSTLIGHT_RETURN_IF_ERROR(RefuseUnless(config, fields.head_dim, std::string_view("auto")));
    return std::optional<int64_t>();
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t head_dim,
                              ReadInteger(config, fields.head_dim, 1, 1, SizeLimits::kHeadDim));
  return std::optional<int64_t>(head_dim);
}

}  // namespace

absl::StatusOr<std::vector<std::string_view>> ReadLayerTypes(
    const JsonValue& config, int64_t layers, absl::Span<const std::string_view> known,
    const std::function<std::string_view(int64_t layer)>& otherwise) {
  std::vector<std::string_view> types;
  std::optional<JsonValue> found = config.Find("layer_types");
  if (!found.has_value()) found = config.Find("layers_block_type");
  if (!found.has_value()) {
    for (int64_t layer = 0; layer < layers; ++layer) types.push_back(otherwise(layer));
    return types;
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray list, found->AsArray());
  for (const JsonValue value : list) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view name, value.AsString());
    const std::string_view type = ModernName(name);
    if (std::find(known.begin(), known.end(), type) == known.end()) {
      std::string message = StrCat("layers of type ", Quoted(name), " are not implemented; known");
      for (const std::string_view one : known) StrAppend(&message, " ", one);
      return absl::UnimplementedError(value.Error(message).message());
    }
    types.push_back(type);
  }
  if (static_cast<int64_t>(types.size()) != layers) {
    return found->Error(StrCat("expected ", layers, " of them, one a layer, found ", types.size()));
  }
  return types;
}

absl::StatusOr<std::vector<std::string_view>> ReadIntervalTypes(const JsonValue& config,
                                                                int64_t layers) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t interval, ReadInteger(config, "full_attention_interval",
                                                                  4, 1, SizeLimits::kLayers));
  return ReadLayerTypes(config, layers, {"linear_attention", "full_attention"},
                        [interval](int64_t layer) {
                          return std::string_view((layer + 1) % interval != 0 ? "linear_attention"
                                                                              : "full_attention");
                        });
}

absl::StatusOr<std::vector<bool>> ReadLayerIndices(const JsonValue& config, std::string_view field,
                                                   int64_t layers) {
  std::vector<bool> chosen(static_cast<size_t>(layers), false);
  if (!config.Find(field).has_value()) return chosen;
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray list, config.GetArray(field));
  for (const JsonValue value : list) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t layer, value.AsInt64());
    if (layer < 0 || layer >= layers) {
      return value.Error(StrCat("expected one of the ", layers, " layers, found ", layer));
    }
    chosen[static_cast<size_t>(layer)] = true;
  }
  return chosen;
}

absl::Status ReadMamba2(const JsonValue& config, const Mamba2Fields& fields, DecoderSpec* spec) {
  RecurrentSpec& recurrent = spec->recurrent;
  recurrent.kind = RecurrenceKind::kMamba2;
  recurrent.norm = true;
  FIRSTLIGHT_RETURN_IF_ERROR(CheckSilu(config, fields.activation));
  FIRSTLIGHT_RETURN_IF_ERROR(fields.smallest_step.empty()
                                 ? ReadTimeStepLimit(config, &recurrent)
                                 : ReadSmallestTimeStep(config, fields, &recurrent));
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      recurrent.heads,
      ReadInteger(config, fields.heads, fields.default_heads, 1, SizeLimits::kHeads));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::optional<int64_t> head_dim, ReadHeadDim(config, fields));
  int64_t inner = fields.inner_size.value_or(0);
  if (!fields.inner_size.has_value() && !fields.expand.empty()) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const double expand,
                                ReadNumber(config, fields.expand, 2.0, 1e-3, 64.0));
    inner = static_cast<int64_t>(expand * static_cast<double>(spec->hidden_size));
  }
  recurrent.head_dim = head_dim.value_or(inner / recurrent.heads);
  if (inner > 0 && recurrent.heads * recurrent.head_dim != inner) {
    return config.Error(StrCat("expected ", fields.heads, " times ", fields.head_dim, " to be ",
                               inner, ", found ", recurrent.heads, " and ", recurrent.head_dim));
  }
  if (recurrent.head_dim < 1 || recurrent.head_dim > SizeLimits::kHeadDim) {
    return config.Error(StrCat("expected ", fields.head_dim, " in [1, ", SizeLimits::kHeadDim,
                               "], found ", recurrent.head_dim));
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      recurrent.groups,
      ReadInteger(config, fields.groups, fields.default_groups, 1, SizeLimits::kHeads));
  FIRSTLIGHT_RETURN_IF_ERROR(CheckGroups(config, fields.heads, fields.groups, recurrent));
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      recurrent.state_size,
      ReadInteger(config, fields.state_size, fields.default_state_size, 1, kLargestState));
  FIRSTLIGHT_ASSIGN_OR_RETURN(recurrent.kernel,
                              ReadInteger(config, fields.kernel, 4, 1, kMaxConvolutionKernel));
  FIRSTLIGHT_ASSIGN_OR_RETURN(recurrent.convolution_bias,
                              config.GetBool(fields.convolution_bias, true));
  FIRSTLIGHT_ASSIGN_OR_RETURN(recurrent.input_bias, config.GetBool(fields.input_bias, false));
  FIRSTLIGHT_ASSIGN_OR_RETURN(recurrent.output_bias, config.GetBool(fields.output_bias, false));
  return absl::OkStatus();
}

absl::Status ReadDeltaNet(const JsonValue& config, bool grouped, DecoderSpec* spec) {
  RecurrentSpec& recurrent = spec->recurrent;
  recurrent.kind = RecurrenceKind::kDeltaNet;
  recurrent.grouped = grouped;
  recurrent.norm = true;
  recurrent.norm_before_gate = true;
  recurrent.names.prefix = "linear_attn.";
  FIRSTLIGHT_RETURN_IF_ERROR(CheckSilu(config, "hidden_act"));
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      recurrent.heads, ReadInteger(config, "linear_num_value_heads", 32, 1, SizeLimits::kHeads));
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      recurrent.groups, ReadInteger(config, "linear_num_key_heads", 16, 1, SizeLimits::kHeads));
  FIRSTLIGHT_RETURN_IF_ERROR(
      CheckGroups(config, "linear_num_value_heads", "linear_num_key_heads", recurrent));
  FIRSTLIGHT_ASSIGN_OR_RETURN(recurrent.head_dim, ReadInteger(config, "linear_value_head_dim", 128,
                                                              1, SizeLimits::kHeadDim));
  FIRSTLIGHT_ASSIGN_OR_RETURN(recurrent.state_size,
                              ReadInteger(config, "linear_key_head_dim", 128, 1, kLargestState));
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      recurrent.kernel, ReadInteger(config, "linear_conv_kernel_dim", 4, 1, kMaxConvolutionKernel));
  return absl::OkStatus();
}

absl::Status ReadShortConvolution(const JsonValue& config, int64_t default_kernel,
                                  DecoderSpec* spec) {
  RecurrentSpec& recurrent = spec->recurrent;
  recurrent.kind = RecurrenceKind::kShortConvolution;
  recurrent.heads = 1;
  recurrent.head_dim = spec->hidden_size;
  recurrent.names.prefix = "conv.";
  recurrent.names.convolution = "conv";
  FIRSTLIGHT_ASSIGN_OR_RETURN(recurrent.kernel, ReadInteger(config, "conv_L_cache", default_kernel,
                                                            1, kMaxConvolutionKernel));
  FIRSTLIGHT_ASSIGN_OR_RETURN(recurrent.convolution_bias, config.GetBool("conv_bias", false));
  recurrent.input_bias = recurrent.convolution_bias;
  recurrent.output_bias = recurrent.convolution_bias;
  return absl::OkStatus();
}

}  // namespace firstlight
