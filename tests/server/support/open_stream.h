#ifndef FIRSTLIGHT_TESTS_SERVER_SUPPORT_OPEN_STREAM_H_
#define FIRSTLIGHT_TESTS_SERVER_SUPPORT_OPEN_STREAM_H_

// A Generate stream that a test reads by hand.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/time/time.h"
#include "tests/server/support/server_process.h"

namespace firstlight {

class OpenStream {
 public:
  OpenStream(const ServerProcess& server, const v1::GenerateRequest& request,
             absl::Duration deadline = absl::InfiniteDuration());

  // Reads until there are `count` tokens. False when the stream has ended before.
  bool ReadTokens(size_t count);
  grpc::Status ReadToEnd();
  // Those that were read.
  const std::vector<int32_t>& tokens() const { return tokens_; }

 private:
  const std::unique_ptr<v1::GenerationService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::GenerateResponse>> stream_;
  std::vector<int32_t> tokens_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_TESTS_SERVER_SUPPORT_OPEN_STREAM_H_
