// A stream under gRPC's own server and client, in this process.

#include "server/rpc/message_stream.h"

#include <atomic>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "firstlight/v1/generation.grpc.pb.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "server/rpc/call.h"
#include "server/rpc/delivery_thread.h"

namespace firstlight {
namespace {

// Its only message comes, and it ends, while it is looked at and found to have none.
class LateStream final : public MessageStream {
 public:
  using MessageStream::MessageStream;

 protected:
  std::optional<grpc::ByteBuffer> Next() override {
    if (!ended_.exchange(true)) {
      Wake();
      return std::nullopt;
    }
    if (taken_) return std::nullopt;
    taken_ = true;
    return SerializeMessage(v1::GenerateResponse());
  }
  std::optional<absl::Status> End() override {
    if (!ended_) return std::nullopt;
    return absl::OkStatus();
  }
  void OnCancelled() override {}

 private:
  std::atomic<bool> ended_ = false;
  bool taken_ = false;
};

class LateService final
    : public v1::GenerationService::WithRawCallbackMethod_Generate<v1::GenerationService::Service> {
 public:
  explicit LateService(DeliveryThread* delivery) : delivery_(delivery) {}

  grpc::ServerWriteReactor<grpc::ByteBuffer>* Generate(
      grpc::CallbackServerContext* /*context*/, const grpc::ByteBuffer* /*request*/) override {
    const auto stream = std::make_shared<LateStream>(delivery_);
    auto* const reactor = stream->Open();
    stream->Wake();
    return reactor;
  }

 private:
  DeliveryThread* const delivery_;
};

TEST(MessageStreamTest, EndsBehindTheMessageThatCameWithTheEnd) {
  DeliveryThread delivery;
  LateService service(&delivery);
  grpc::ServerBuilder builder;
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  ASSERT_NE(server, nullptr);
  const auto stub = v1::GenerationService::NewStub(server->InProcessChannel({}));
  grpc::ClientContext context;
  const auto stream = stub->Generate(&context, {});
  int messages = 0;
  v1::GenerateResponse message;
  while (stream->Read(&message)) ++messages;
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(messages, 1);
  server->Shutdown();
}

}  // namespace
}  // namespace firstlight
