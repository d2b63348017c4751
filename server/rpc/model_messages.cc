#include "server/rpc/model_messages.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "loader/base/status_macros.h"
#include "server/options/option_values.h"
#include "server/rpc/generation_messages.h"

namespace firstlight {
namespace {

v1::ModelState ToMessage(ModelState state) {
  switch (state) {
    case ModelState::kLoading:
      return v1::MODEL_STATE_LOADING;
    case ModelState::kActive:
      return v1::MODEL_STATE_ACTIVE;
    case ModelState::kDraining:
      return v1::MODEL_STATE_DRAINING;
    case ModelState::kFailed:
      return v1::MODEL_STATE_FAILED;
    case ModelState::kStandby:
      return v1::MODEL_STATE_STANDBY;
  }
  return v1::MODEL_STATE_UNSPECIFIED;
}

v1::ResidencyState ToMessage(ResidencyState state) {
  switch (state) {
    case ResidencyState::kCold:
      return v1::RESIDENCY_STATE_COLD;
    case ResidencyState::kPartial:
      return v1::RESIDENCY_STATE_PARTIAL;
    case ResidencyState::kResident:
      return v1::RESIDENCY_STATE_RESIDENT;
  }
  return v1::RESIDENCY_STATE_UNSPECIFIED;
}

google::protobuf::Timestamp ToTimestamp(absl::Time time) {
  google::protobuf::Timestamp message;
  const int64_t seconds = absl::ToUnixSeconds(time);
  message.set_seconds(seconds);
  message.set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
  return message;
}

}  // namespace

v1::Model ToMessage(const ModelSnapshot& snapshot) {
  v1::Model message;
  message.set_name(snapshot.name);
  message.set_directory(snapshot.directory);
  message.set_version(snapshot.version);
  message.set_state(ToMessage(snapshot.state));
  message.set_state_reason(snapshot.reason);
  message.set_requests_in_flight(static_cast<int32_t>(snapshot.requests_in_flight));
  message.set_current(snapshot.current);
  for (const std::string& alias : snapshot.aliases) message.add_aliases(alias);
  if (snapshot.last_used.has_value()) {
    *message.mutable_last_used() = ToTimestamp(*snapshot.last_used);
  }
  if (snapshot.facts.has_value()) {
    v1::WeightBytes& bytes = *message.mutable_weight_bytes();
    bytes.set_assigned(snapshot.facts->assigned_bytes);
    bytes.set_copied(snapshot.facts->copied_bytes);
    bytes.set_tied(snapshot.facts->tied_bytes);
    message.set_architecture(snapshot.facts->architecture);
    message.set_context_length(static_cast<int32_t>(snapshot.facts->context_length));
    *message.mutable_load_time() = ToProtoDuration(snapshot.load_time);
  }
  return message;
}

v1::Model ToSampledMessage(const ModelSnapshot& snapshot) {
  v1::Model message = ToMessage(snapshot);
  const std::shared_ptr<ServedModel> served = snapshot.served.lock();
  if (served == nullptr) return message;
  message.set_detached(served->loaded->Detached());
  const std::optional<WeightResidency> residency = served->loaded->Residency();
  if (!residency.has_value()) return message;
  v1::Residency& sampled = *message.mutable_residency();
  if (residency->mapped_bytes.has_value()) sampled.set_mapped_bytes(*residency->mapped_bytes);
  if (residency->resident_bytes.has_value()) {
    sampled.set_resident_bytes(*residency->resident_bytes);
  }
  sampled.set_state(ToMessage(residency->state()));
  return message;
}

v1::Alias ToMessage(const AliasSnapshot& alias) {
  v1::Alias message;
  message.set_alias(alias.alias);
  message.set_name(alias.name);
  if (alias.version.has_value()) message.set_version(*alias.version);
  return message;
}

absl::Status CheckNameField(const std::string& name, absl::string_view field) {
  absl::Status status = CheckModelName(name);
  if (status.ok()) return status;
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", status.message()));
}

absl::Status CheckDirectoryField(const std::string& directory) {
  if (!directory.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError("directory: expected a model directory, found \"\"");
}

absl::StatusOr<absl::Duration> DrainTimeout(const google::protobuf::Duration& message) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const absl::Duration timeout,
                              FromProtoDuration(message, "drain_timeout"));
  if (timeout >= absl::ZeroDuration()) return timeout;
  return absl::InvalidArgumentError(
      absl::StrCat("drain_timeout: expected 0s or more, found ", absl::FormatDuration(timeout)));
}

absl::StatusOr<std::optional<WarmMode>> WarmModeOf(v1::WarmMode mode, absl::string_view field) {
  switch (mode) {
    case v1::WARM_MODE_UNSPECIFIED:
      return std::optional<WarmMode>();
    case v1::WARM_MODE_NONE:
      return std::optional(WarmMode::kNone);
    case v1::WARM_MODE_POPULATE:
      return std::optional(WarmMode::kPopulate);
    case v1::WARM_MODE_FORWARD:
      return std::optional(WarmMode::kForward);
    default:
      return absl::InvalidArgumentError(
          absl::StrCat(field, ": expected a WarmMode, found ", static_cast<int>(mode)));
  }
}

}  // namespace firstlight
