#ifndef FIRSTLIGHT_ENGINE_ARCHITECTURES_CONFIG_FIELDS_H_
#define FIRSTLIGHT_ENGINE_ARCHITECTURES_CONFIG_FIELDS_H_

// Reading the fields of a config.json, each checked against the range that the engine can compute
// with. An absent or null field is `otherwise`, the configuration class's own default.
//
// Errors are INVALID_ARGUMENT and name file, field, expectation and finding:
//   config.json: field "num_attention_heads": expected an integer in [1, 4096], found 0

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "loader/json.h"

namespace firstlight {

// Largest sizes accepted: well beyond what is published, small enough that the products of sizes
// that the engine forms stay inside int64_t.
struct SizeLimits {
  static constexpr int64_t kVocabulary = int64_t{1} << 24;
  static constexpr int64_t kHidden = int64_t{1} << 18;
  static constexpr int64_t kIntermediate = int64_t{1} << 21;
  static constexpr int64_t kLayers = 4096;
  static constexpr int64_t kHeads = 4096;
  static constexpr int64_t kHeadDim = 1024;
  static constexpr int64_t kPositions = int64_t{1} << 30;
};

// An integer in [minimum, maximum].
absl::StatusOr<int64_t> ReadInteger(const JsonValue& config, std::string_view key,
                                    int64_t otherwise, int64_t minimum, int64_t maximum);

// A finite number in [minimum, maximum].
absl::StatusOr<double> ReadNumber(const JsonValue& config, std::string_view key, double otherwise,
                                  double minimum, double maximum);

// Whether the field is there and null.
bool IsNull(const JsonValue& config, std::string_view key);

// A token id, or several in a list; none may be negative. A null field is none at all, not
// `otherwise`: transformers takes it for None, with which nothing ends a sequence.
absl::StatusOr<std::vector<int32_t>> ReadTokenIds(const JsonValue& config, std::string_view key,
                                                  std::vector<int32_t> otherwise);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_ARCHITECTURES_CONFIG_FIELDS_H_
