#include "server/base/status.h"

#include <optional>

#include "absl/strings/cord.h"
#include "google/protobuf/any.pb.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "loader/base/utf8.h"

namespace firstlight {
namespace {

constexpr char kErrorInfoUrl[] = "type.googleapis.com/google.rpc.ErrorInfo";
constexpr char kRetryInfoUrl[] = "type.googleapis.com/google.rpc.RetryInfo";

// gRPC refuses trailers past 8 KiB; the message is in them twice (percent-encoded, and in the
// details), so a message of control characters takes four times its length.
constexpr size_t kMaxMessageBytes = 1500;
constexpr size_t kMaxMetadataBytes = 256;

constexpr absl::Duration kDefaultRetryDelay = absl::Seconds(1);

void SetPayload(absl::Status* status, const char* url, const google::protobuf::Message& message) {
  if (status->ok() || status->GetPayload(url).has_value()) return;
  status->SetPayload(url, absl::Cord(message.SerializeAsString()));
}

// "sampling.top_p: expected …" names a field; empty where the message starts otherwise.
std::string FieldOf(absl::string_view message) {
  const size_t colon = message.find(": ");
  if (colon == absl::string_view::npos || colon == 0 || colon > 64) return "";
  for (const char c : message.substr(0, colon)) {
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '[' ||
          c == ']')) {
      return "";
    }
  }
  return std::string(message.substr(0, colon));
}

absl::Status WithDefaultDetails(absl::Status status) {
  ErrorMetadata metadata;
  if (absl::IsInvalidArgument(status)) {
    std::string field = FieldOf(status.message());
    if (!field.empty()) metadata.emplace_back("field", std::move(field));
  }
  const absl::string_view reason = CodeName(status.code());
  status = WithErrorInfo(std::move(status), reason, metadata);
  if (absl::IsResourceExhausted(status)) {
    status = WithRetryInfo(std::move(status), kDefaultRetryDelay);
  }
  return status;
}

}  // namespace

absl::Status WithErrorInfo(absl::Status status, absl::string_view reason,
                           const ErrorMetadata& metadata) {
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(reason));
  info.set_domain(std::string(kErrorDomain));
  for (const auto& [key, value] : metadata)
    (*info.mutable_metadata())[key] = ToValidUtf8(value, kMaxMetadataBytes);
  SetPayload(&status, kErrorInfoUrl, info);
  return status;
}

absl::Status WithRetryInfo(absl::Status status, absl::Duration delay) {
  google::rpc::RetryInfo info;
  info.mutable_retry_delay()->set_seconds(absl::ToInt64Seconds(delay));
  info.mutable_retry_delay()->set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(delay % absl::Seconds(1))));
  SetPayload(&status, kRetryInfoUrl, info);
  return status;
}

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const absl::Status full = WithDefaultDetails(status);
  const std::string message = ToValidUtf8(full.message(), kMaxMessageBytes);
  google::rpc::Status details;
  details.set_code(static_cast<int>(full.code()));
  details.set_message(message);
  for (const char* url : {kErrorInfoUrl, kRetryInfoUrl}) {
    const auto payload = full.GetPayload(url);
    if (!payload.has_value()) continue;
    google::protobuf::Any* any = details.add_details();
    any->set_type_url(url);
    any->set_value(std::string(*payload));
  }
  return {static_cast<grpc::StatusCode>(full.code()), message, details.SerializeAsString()};
}

absl::string_view CodeName(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk:
      return "OK";
    case absl::StatusCode::kCancelled:
      return "CANCELLED";
    case absl::StatusCode::kInvalidArgument:
      return "INVALID_ARGUMENT";
    case absl::StatusCode::kDeadlineExceeded:
      return "DEADLINE_EXCEEDED";
    case absl::StatusCode::kNotFound:
      return "NOT_FOUND";
    case absl::StatusCode::kAlreadyExists:
      return "ALREADY_EXISTS";
    case absl::StatusCode::kPermissionDenied:
      return "PERMISSION_DENIED";
    case absl::StatusCode::kResourceExhausted:
      return "RESOURCE_EXHAUSTED";
    case absl::StatusCode::kFailedPrecondition:
      return "FAILED_PRECONDITION";
    case absl::StatusCode::kAborted:
      return "ABORTED";
    case absl::StatusCode::kOutOfRange:
      return "OUT_OF_RANGE";
    case absl::StatusCode::kUnimplemented:
      return "UNIMPLEMENTED";
    case absl::StatusCode::kInternal:
      return "INTERNAL";
    case absl::StatusCode::kUnavailable:
      return "UNAVAILABLE";
    case absl::StatusCode::kDataLoss:
      return "DATA_LOSS";
    case absl::StatusCode::kUnauthenticated:
      return "UNAUTHENTICATED";
    default:
      return "UNKNOWN";
  }
}

}  // namespace firstlight
