#include "engine/architectures/config_fields.h"

#include <limits>
#include <string>
#include <utility>

#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
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

}  // namespace firstlight
