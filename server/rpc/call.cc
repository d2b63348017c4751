#include "server/rpc/call.h"

#include <google/protobuf/stubs/logging.h>

#include <string_view>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "grpcpp/support/proto_buffer_reader.h"
#include "server/base/status.h"

namespace firstlight {
namespace {

// What protobuf's parser complained of on this thread during ParseMessage.
thread_local std::string* parse_complaint = nullptr;

void KeepComplaint(google::protobuf::LogLevel, const char*, int, const std::string& message) {
  if (parse_complaint != nullptr && parse_complaint->empty()) *parse_complaint = message;
}

// "String field 'firstlight.v1.GenerateRequest.prompt' contains …" -> "prompt".
std::string ComplainedField(const std::string& complaint) {
  const size_t open = complaint.find('\'');
  const size_t close = complaint.find('\'', open + 1);
  if (open == std::string::npos || close == std::string::npos) return "";
  const std::string full = complaint.substr(open + 1, close - open - 1);
  return full.substr(full.rfind('.') + 1);
}

absl::Time DeadlineOf(const grpc::CallbackServerContext& context) {
  const std::chrono::system_clock::time_point deadline = context.deadline();
  return deadline == std::chrono::system_clock::time_point::max() ? absl::InfiniteFuture()
                                                                  : absl::FromChrono(deadline);
}

}  // namespace

CallRecord::CallRecord(const CallEnvironment& environment, std::string method,
                       const grpc::CallbackServerContext& context)
    : environment_(environment),
      method_(std::move(method)),
      arrival_(absl::Now()),
      deadline_(DeadlineOf(context)) {
  fields_.emplace_back("peer", context.peer());
}

absl::Status CallRecord::Begin() {
  absl::Status status = environment_.state->BeginCall();
  begun_ = status.ok();
  return status;
}

void CallRecord::End(const absl::Status& status) {
  environment_.metrics->CountRequest(method_, status.code());
  std::vector<LogField> fields;
  fields.reserve(fields_.size() + 4);
  fields.emplace_back("method", method_);
  fields.emplace_back("code", CodeName(status.code()));
  for (LogField& field : fields_) fields.push_back(std::move(field));
  fields.emplace_back("total", absl::Now() - arrival_);
  if (!status.ok()) fields.emplace_back("error", status.message());
  environment_.log->Info("request", fields);
  if (begun_) environment_.state->EndCall();
}

absl::Status CallRecord::CancelledStatus() const {
  // A client resets its stream at its own deadline, and ours is later: by the time that the request
  // was under way, and by what grpc-timeout was rounded up, to the next of three digits at worst.
  constexpr double kRounding = 0.01;
  constexpr absl::Duration kUnderWay = absl::Milliseconds(10);
  if (deadline_ != absl::InfiniteFuture() &&
      absl::Now() >= deadline_ - (deadline_ - arrival_) * kRounding - kUnderWay) {
    return absl::DeadlineExceededError("the call's deadline has passed");
  }
  return absl::CancelledError("the client has cancelled the call");
}

absl::Status ParseMessage(const grpc::ByteBuffer& bytes, google::protobuf::Message* message) {
  // The parser logs which string is not UTF-8, and tells it in no other way.
  static const bool installed = [] {
    google::protobuf::SetLogHandler(&KeepComplaint);
    return true;
  }();
  static_cast<void>(installed);
  std::string complaint;
  grpc::ByteBuffer copy = bytes;  // shares the bytes
  grpc::ProtoBufferReader reader(&copy);
  parse_complaint = &complaint;
  const bool parsed = reader.status().ok() && message->ParseFromZeroCopyStream(&reader);
  parse_complaint = nullptr;
  if (parsed) return absl::OkStatus();
  const std::string field = ComplainedField(complaint);
  if (!field.empty()) {
    return WithErrorInfo(absl::InvalidArgumentError(absl::StrCat(
                             field, ": expected valid UTF-8, found bytes that are not")),
                         "INVALID_UTF8", {{"field", field}});
  }
  return WithErrorInfo(absl::InvalidArgumentError(
                           absl::StrCat("expected a ", message->GetTypeName(), " message, found ",
                                        bytes.Length(), " bytes that are not one")),
                       "MALFORMED_REQUEST");
}

grpc::ByteBuffer SerializeMessage(const google::protobuf::Message& message) {
  // Every response is bounded far below the 2 GiB at which serialization fails.
  const grpc::Slice slice(message.SerializeAsString());
  return {&slice, 1};
}

}  // namespace firstlight
