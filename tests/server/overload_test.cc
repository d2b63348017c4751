// Overload, slow readers and clients that go away, at the real server. What happened is seen in the
// metrics, which are polled until they show it.

#include <cstdlib>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/server/support/checkpoints.h"
#include "tests/server/support/server_process.h"

namespace firstlight {
namespace {

const char kRunning[] = "firstlight_sequences{model=\"m\",state=\"running\"}";
const char kWaiting[] = "firstlight_sequences{model=\"m\",state=\"waiting\"}";
const char kCache[] = "firstlight_kv_cache_used_bytes";

bool IsZero(double value) { return value == 0; }

// A Generate call that is begun and read by hand.
class OpenStream {
 public:
  OpenStream(const ServerProcess& server, const v1::GenerateRequest& request,
             absl::Time deadline = absl::InfiniteFuture())
      : stub_(server.Generation()) {
    if (deadline != absl::InfiniteFuture()) context_.set_deadline(absl::ToChronoTime(deadline));
    stream_ = stub_->Generate(&context_, request);
  }
  bool Read(v1::GenerateResponse* message) { return stream_->Read(message); }
  void Cancel() { context_.TryCancel(); }
  grpc::Status Drain() {
    v1::GenerateResponse message;
    while (stream_->Read(&message)) {
    }
    return stream_->Finish();
  }

 private:
  const std::unique_ptr<v1::GenerationService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::GenerateResponse>> stream_;
};

// Runs for longer than any test here waits, without a word that a reader could be late for: a
// stream that nobody reads is paused, and gives its place to another one.
v1::GenerateRequest LongPrefill() {
  v1::GenerateRequest request = TokenRequest(1);
  for (int i = 0; i < 200000; ++i) request.mutable_prompt_token_ids()->add_ids(7);
  return request;
}

// Bounds what AddressSanitizer keeps back of freed memory in the daemons started meanwhile: up to
// 256 MB by default, which a test of how much memory the daemon itself uses would count.
class SmallSanitizerQuarantine {
 public:
  SmallSanitizerQuarantine() {
    if (const char* const options = std::getenv(kOptions); options != nullptr) before_ = options;
    const std::string all =
        absl::StrCat(before_, ":quarantine_size_mb=4:thread_local_quarantine_size_kb=64");
    setenv(kOptions, all.c_str(), /*overwrite=*/1);
  }
  ~SmallSanitizerQuarantine() { setenv(kOptions, before_.c_str(), /*overwrite=*/1); }
  SmallSanitizerQuarantine(const SmallSanitizerQuarantine&) = delete;
  SmallSanitizerQuarantine& operator=(const SmallSanitizerQuarantine&) = delete;

 private:
  static constexpr char kOptions[] = "ASAN_OPTIONS";
  std::string before_;
};

class OverloadTest : public ::testing::Test {
 protected:
  // A server of one model whose streams go on until somebody stops them.
  std::unique_ptr<ServerProcess> Serve(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--model", "m=" + LongContextCheckpoint(directory_),
                                       "--kv-cache-bytes", "2GiB"});
    auto server = std::make_unique<ServerProcess>(std::move(arguments));
    EXPECT_TRUE(server->AwaitServing()) << server->log();
    return server;
  }

  const TemporaryDirectory directory_;
};

TEST_F(OverloadTest, AFullQueueIsResourceExhaustedWithRetryInfo) {
  const auto server = Serve({"--max-sequences", "1", "--max-queue", "2"});
  OpenStream running(*server, LongPrefill());
  ASSERT_TRUE(server->WaitForMetric(kRunning, [](double value) { return value == 1; }));
  OpenStream first(*server, TokenRequest(1));
  OpenStream second(*server, TokenRequest(1));
  ASSERT_TRUE(server->WaitForMetric(kWaiting, [](double value) { return value == 2; }));
  const Generated refused = RunGenerate(server->Generation().get(), TokenRequest(1));
  EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ErrorInfoOf(refused.status).reason(), "QUEUE_FULL");
  EXPECT_TRUE(HasRetryInfo(refused.status));
  running.Cancel();
  EXPECT_TRUE(first.Drain().ok());
  EXPECT_TRUE(second.Drain().ok());
}

TEST_F(OverloadTest, AClientGoneInTheQueueLeavesIt) {
  const auto server = Serve({"--max-sequences", "1"});
  OpenStream running(*server, LongPrefill());
  ASSERT_TRUE(server->WaitForMetric(kRunning, [](double value) { return value == 1; }));
  OpenStream queued(*server, TokenRequest(1));
  ASSERT_TRUE(server->WaitForMetric(kWaiting, [](double value) { return value == 1; }));
  queued.Cancel();
  EXPECT_TRUE(server->WaitForMetric(kWaiting, IsZero));
  EXPECT_EQ(server->Metric(kRunning), 1);
  EXPECT_EQ(queued.Drain().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(OverloadTest, AClientGoneInPrefillFreesItsBlocks) {
  const auto server = Serve({});
  OpenStream prefill(*server, LongPrefill());
  ASSERT_TRUE(server->WaitForMetric(kCache, [](double value) { return value > 0; }));
  prefill.Cancel();
  EXPECT_EQ(prefill.Drain().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(server->WaitForMetric(kCache, IsZero));
}

TEST_F(OverloadTest, AClientGoneInDecodeFreesItsBlocks) {
  const auto server = Serve({});
  OpenStream decode(*server, TokenRequest(500000));
  v1::GenerateResponse message;
  do {
    ASSERT_TRUE(decode.Read(&message));
  } while (!message.has_delta());
  decode.Cancel();
  EXPECT_EQ(decode.Drain().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(server->WaitForMetric(kRunning, IsZero));
  EXPECT_TRUE(server->WaitForMetric(kCache, IsZero));
}

TEST_F(OverloadTest, ADeadlineThatPassesInTheQueue) {
  const auto server = Serve({"--max-sequences", "1"});
  OpenStream running(*server, LongPrefill());
  ASSERT_TRUE(server->WaitForMetric(kRunning, [](double value) { return value == 1; }));
  OpenStream late(*server, TokenRequest(1), absl::Now() + absl::Milliseconds(200));
  EXPECT_EQ(late.Drain().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(server->WaitForMetric(kWaiting, IsZero));
  EXPECT_TRUE(server->WaitForMetric(
      "firstlight_requests_total{code=\"DEADLINE_EXCEEDED\",method=\"Generate\"}",
      [](double value) { return value == 1; }));
  running.Cancel();
}

TEST_F(OverloadTest, AReaderThatStopsPausesItsOwnStreamAlone) {
  const SmallSanitizerQuarantine quarantine;
  const auto server = Serve({});
  ASSERT_TRUE(RunGenerate(server->Generation().get(), TokenRequest(100)).status.ok());
  const int64_t before_bytes = server->AnonymousBytes();
  ASSERT_GT(before_bytes, 0);
  OpenStream stopped(*server, TokenRequest(500000));
  v1::GenerateResponse message;
  ASSERT_TRUE(stopped.Read(&message));
  // It stops when the queue and what HTTP/2 buffers are full: the count of tokens stands still
  // over whole requests of somebody else, whose tokens are known.
  const std::string tokens = "firstlight_generated_tokens_total{model=\"m\"}";
  bool still = false;
  int others = 100;  // of the request above
  const absl::Time limit = absl::Now() + kPatience;
  while (!still && absl::Now() < limit) {
    const double before = server->Metric(tokens);
    const Generated other = RunGenerate(server->Generation().get(), TokenRequest(100));
    ASSERT_TRUE(other.status.ok()) << other.status.error_message();
    ASSERT_EQ(other.token_ids().size(), 100u);
    others += 100;
    still = server->Metric(tokens) - before == 100;
  }
  EXPECT_TRUE(still);
  EXPECT_EQ(server->Metric(kRunning) + server->Metric(kWaiting), 1);
  // What it holds is its cache blocks and, beyond them, at most 128 events of some hundred bytes
  // and one window of HTTP/2 (64 KiB); the rest of the bound is for the allocator's arenas.
#if !defined(FIRSTLIGHT_SANITIZE_ADDRESS)  // which keeps what the others freed
  EXPECT_LT(server->AnonymousBytes() - before_bytes,
            static_cast<int64_t>(server->Metric(kCache)) + (int64_t{32} << 20));
#endif
  // It goes on when the client reads again, past what it had computed by then.
  const int computed = static_cast<int>(server->Metric(tokens)) - others;
  for (int read = 0; read < computed + 100;) {
    ASSERT_TRUE(stopped.Read(&message)) << read;
    read += message.delta().tokens_size();
  }
  stopped.Cancel();
  EXPECT_TRUE(server->WaitForMetric(kCache, IsZero));
}

TEST_F(OverloadTest, AThousandRequestsAtOnceAllEndAsTheyShould) {
  const auto server = Serve({"--max-queue", "400"});
  const auto stub = server->Generation();
  struct Call {
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientAsyncReader<v1::GenerateResponse>> reader;
    v1::GenerateResponse message;
    grpc::Status status;
    int tokens = 0;
    bool finishing = false;
  };
  grpc::CompletionQueue queue;
  std::vector<Call> calls(1000);
  for (Call& call : calls) {
    call.reader = stub->AsyncGenerate(&call.context, TokenRequest(4), &queue, &call);
  }
  void* tag = nullptr;
  bool ok = false;
  int ended = 0;
  while (ended < 1000 && queue.Next(&tag, &ok)) {
    auto& call = *static_cast<Call*>(tag);
    if (call.finishing) {
      ++ended;
    } else if (ok) {
      call.tokens += call.message.delta().tokens_size();
      call.message.Clear();
      call.reader->Read(&call.message, &call);
    } else {
      call.finishing = true;
      call.reader->Finish(&call.status, &call);
    }
  }
  int served = 0;
  for (const Call& call : calls) {
    if (call.status.ok()) {
      EXPECT_EQ(call.tokens, 4);
      ++served;
    } else {
      EXPECT_EQ(call.status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
      EXPECT_TRUE(HasRetryInfo(call.status));
    }
  }
  EXPECT_GE(served, 400);
  EXPECT_TRUE(server->WaitForMetric(kCache, IsZero));
  EXPECT_TRUE(RunGenerate(stub.get(), TokenRequest(1)).status.ok());
}

}  // namespace
}  // namespace firstlight
