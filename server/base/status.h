#ifndef FIRSTLIGHT_SERVER_BASE_STATUS_H_
#define FIRSTLIGHT_SERVER_BASE_STATUS_H_

// Errors on their way out: absl::Status inside, canonical gRPC codes with exactly one
// google.rpc.ErrorInfo outside.
//
// The details travel inside the absl::Status as payloads under their Any type URLs, so that an
// error can gain them where it arises and keep them on its way up. A status that arrives without an
// ErrorInfo gets one with a reason made from its code. docs/api.md lists every reason.

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "grpcpp/support/status.h"

namespace firstlight {

inline constexpr absl::string_view kErrorDomain = "firstlight";

// Metadata of an ErrorInfo: names and values.
using ErrorMetadata = std::vector<std::pair<std::string, std::string>>;

// Adds an ErrorInfo with `reason` (UPPER_SNAKE_CASE), unless the status is OK or has one.
absl::Status WithErrorInfo(absl::Status status, absl::string_view reason,
                           const ErrorMetadata& metadata = {});

// Adds a RetryInfo, unless the status is OK or has one.
absl::Status WithRetryInfo(absl::Status status, absl::Duration delay);

// The status as a gRPC call ends with it: same code and message, google.rpc.Status as details. A
// RESOURCE_EXHAUSTED without a RetryInfo gets one of a second. A message too long for a trailer is
// cut.
grpc::Status ToGrpcStatus(const absl::Status& status);

// "OK", "INVALID_ARGUMENT", …: the canonical name, as metrics and logs use it.
absl::string_view CodeName(absl::StatusCode code);

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_BASE_STATUS_H_
