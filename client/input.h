#ifndef FIRSTLIGHT_CLIENT_INPUT_H_
#define FIRSTLIGHT_CLIENT_INPUT_H_

// Arguments that several commands read alike.

#include <google/protobuf/duration.pb.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace firstlight {

// `argument` itself, or all of standard input for "-".
std::string ReadText(const std::string& argument);

// "1,2,3", blanks allowed. INVALID_ARGUMENT naming the first word that is no 32-bit integer.
absl::StatusOr<std::vector<int32_t>> ParseTokenIds(absl::string_view text);

// Seconds as a command line gives them. REQUIRES: finite, at most kMaxSeconds either way.
inline constexpr double kMaxSeconds = 1e9;
google::protobuf::Duration ToDuration(double seconds);

}  // namespace firstlight

#endif  // FIRSTLIGHT_CLIENT_INPUT_H_
