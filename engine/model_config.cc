#include "engine/model_config.h"

#include <string_view>

#include "engine/architectures/architecture.h"
#include "engine/architectures/decoder_fields.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

absl::Status UnknownArchitecture(const JsonDocument& document, std::string_view name) {
  std::string message =
      StrCat(document.name(), ": architecture ", Quoted(name), " is not implemented; known are");
  for (const Architecture& known : Architectures()) StrAppend(&message, " ", known.name);
  return absl::UnimplementedError(message);
}

// By `architectures`, which tells a classifier from a decoder where `model_type` does not; by
// `model_type` in files without it.
absl::StatusOr<const Architecture*> FindArchitecture(const JsonDocument& document) {
  const JsonValue config = document.root();
  FIRSTLIGHT_RETURN_IF_ERROR(config.AsObject().status());
  if (config.Find("architectures").has_value()) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray names, config.GetArray("architectures"));
    if (names.begin() != names.end()) {
      FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view name, (*names.begin()).AsString());
      for (const Architecture& known : Architectures()) {
        if (known.name == name || known.base_name == name) return &known;
      }
      return UnknownArchitecture(document, name);
    }
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view model_type, config.GetString("model_type"));
  for (const Architecture& known : Architectures()) {
    if (known.model_type == model_type) return &known;
  }
  return UnknownArchitecture(document, model_type);
}

// Weights are what their tensors' dtypes say, but for the formats that an architecture reads.
absl::Status CheckQuantization(const JsonValue& config, const Architecture& architecture) {
  const std::optional<JsonValue> found = config.Find("quantization_config");
  if (!found.has_value()) return absl::OkStatus();
  if (!architecture.quantization.empty()) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view method,
                                found->GetString("quant_method", ""));
    if (method == architecture.quantization) return absl::OkStatus();
  }
  return absl::UnimplementedError(found->Error("is not implemented").message());
}

}  // namespace

absl::StatusOr<ModelConfig> ParseModelConfig(const JsonDocument& document) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const Architecture* architecture, FindArchitecture(document));
  const JsonValue config = document.root();
  for (const JsonValue& part : {config, TextConfig(config)}) {
    const std::optional<JsonValue> found = part.Find("per_layer_config");
    if (found.has_value() && !architecture->per_layer_config) {
      return absl::UnimplementedError(found->Error("is not implemented").message());
    }
  }
  FIRSTLIGHT_RETURN_IF_ERROR(CheckQuantization(config, *architecture));
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model, architecture->read_config(config));
  model.architecture = std::string(architecture->name);
  return model;
}

}  // namespace firstlight
