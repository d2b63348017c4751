#include "tests/server/support/open_stream.h"

#include "absl/time/clock.h"

namespace firstlight {

OpenStream::OpenStream(const ServerProcess& server, const v1::GenerateRequest& request,
                       absl::Duration deadline)
    : stub_(server.Generation()) {
  if (deadline != absl::InfiniteDuration()) {
    context_.set_deadline(absl::ToChronoTime(absl::Now() + deadline));
  }
  stream_ = stub_->Generate(&context_, request);
}

bool OpenStream::ReadTokens(size_t count) {
  v1::GenerateResponse message;
  while (tokens_.size() < count) {
    if (!stream_->Read(&message)) return false;
    for (const v1::Token& token : message.delta().tokens()) tokens_.push_back(token.id());
  }
  return true;
}

grpc::Status OpenStream::ReadToEnd() {
  ReadTokens(SIZE_MAX);
  return stream_->Finish();
}

}  // namespace firstlight
