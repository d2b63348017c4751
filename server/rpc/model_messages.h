#ifndef FIRSTLIGHT_SERVER_RPC_MODEL_MESSAGES_H_
#define FIRSTLIGHT_SERVER_RPC_MODEL_MESSAGES_H_

// Between the messages of model_admin.proto and the registry's values.

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "firstlight/v1/model_admin.pb.h"
#include "server/models/model_catalog.h"

namespace firstlight {

// Without what is asked of the model itself: its residency, and whether it is detached.
v1::Model ToMessage(const ModelSnapshot& snapshot);

// With both, where it is mapped: takes a sample, which is some milliseconds.
v1::Model ToSampledMessage(const ModelSnapshot& snapshot);

v1::Alias ToMessage(const AliasSnapshot& alias);

// INVALID_ARGUMENT, naming `field`, for what no model can be called.
absl::Status CheckNameField(const std::string& name, absl::string_view field);
absl::Status CheckDirectoryField(const std::string& directory);

// Of a request's `drain_timeout`. INVALID_ARGUMENT for one below zero.
template <typename Request>
absl::StatusOr<std::optional<absl::Duration>> DrainTimeoutOf(const Request& request);

// Of a request's `version`.
template <typename Request>
std::optional<int64_t> VersionOf(const Request& request) {
  if (!request.has_version()) return std::nullopt;
  return request.version();
}

// Nothing for the request's default. INVALID_ARGUMENT, naming `field`, for an unknown number.
absl::StatusOr<std::optional<WarmMode>> WarmModeOf(v1::WarmMode mode, absl::string_view field);

absl::StatusOr<absl::Duration> DrainTimeout(const google::protobuf::Duration& message);

template <typename Request>
absl::StatusOr<std::optional<absl::Duration>> DrainTimeoutOf(const Request& request) {
  if (!request.has_drain_timeout()) return std::optional<absl::Duration>();
  const absl::StatusOr<absl::Duration> timeout = DrainTimeout(request.drain_timeout());
  if (!timeout.ok()) return timeout.status();
  return std::optional<absl::Duration>(*timeout);
}

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_RPC_MODEL_MESSAGES_H_
