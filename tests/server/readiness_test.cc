// Requests that come before their model, or its tokenizer, is there: they wait, and then get their
// answer. What comes before what is made certain by work that is queued ahead, not by the clock.

#include <atomic>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/synthesize/synthesize.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/support/checkpoints.h"
#include "tests/server/support/server_process.h"

namespace firstlight {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string ReadAll(const std::string& path) {
  std::stringstream contents;
  contents << std::ifstream(path, std::ios::binary).rdbuf();
  return contents.str();
}

// A checkpoint whose header is padded with spaces almost to the most that the format allows: good,
// and as slow to map as one can be.
std::string SlowCheckpoint(const TemporaryDirectory& directory) {
  constexpr uint64_t kPadding = 90'000'000;
  const std::string path = CopyCheckpoint(GoldenCheckpoint(), directory, "slow");
  const std::string file = ReadAll(path + "/model.safetensors");
  uint64_t header = 0;
  std::memcpy(&header, file.data(), sizeof(header));
  const uint64_t padded = header + kPadding;
  std::ofstream out(path + "/model.safetensors", std::ios::binary);
  out.write(reinterpret_cast<const char*>(&padded), sizeof(padded));
  out << file.substr(sizeof(header), header) << std::string(kPadding, ' ')
      << file.substr(sizeof(header) + header);
  return path;
}

// 128,000 tokens, and weights that are holes.
std::string LargeTokenizerCheckpoint(const TemporaryDirectory& directory) {
  const std::string path = directory.File("large");
  EXPECT_TRUE(
      SynthesizeCheckpoint({.shape = "llama-3.2-1b", .directory = path, .sparse = true}).ok());
  return path;
}

std::vector<std::string> Models(int count, const std::string& prefix,
                                const std::string& directory) {
  std::vector<std::string> arguments;
  for (int i = 0; i < count; ++i) {
    arguments.insert(arguments.end(), {"--model", absl::StrCat(prefix, i, "=", directory)});
  }
  return arguments;
}

grpc::health::v1::HealthCheckResponse::ServingStatus HealthOf(
    grpc::health::v1::Health::Stub* health, const std::string& name) {
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  grpc::health::v1::HealthCheckRequest request;
  request.set_service(name);
  grpc::health::v1::HealthCheckResponse response;
  const grpc::Status status = health->Check(&context, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response.status();
}

TEST(ReadinessTest, ARequestForAModelThatIsLoadingWaits) {
  const TemporaryDirectory directory;
  const std::string address = "unix:" + directory.File("generation.sock");
  std::vector<std::string> arguments = Models(8, "slow", SlowCheckpoint(directory));
  arguments.insert(arguments.end(), {"--model", "last=" + GoldenCheckpoint(), "--listen", address});
  ServerProcess server(arguments);
  const auto channel = ServerProcess::NewChannel(address);
  const auto stub = v1::GenerationService::NewStub(channel);
  const auto health = grpc::health::v1::Health::NewStub(channel);
  // The listeners are bound, and the models named, before the first is mapped.
  ASSERT_EQ(HealthOf(health.get(), "last"), grpc::health::v1::HealthCheckResponse::NOT_SERVING);
  grpc::ClientContext context;
  v1::GenerateRequest request = TokenRequest(3);
  request.set_model("last");
  const auto stream = stub->Generate(&context, request);
  EXPECT_EQ(HealthOf(health.get(), "last"), grpc::health::v1::HealthCheckResponse::NOT_SERVING);
  EXPECT_EQ(HealthOf(health.get(), ""), grpc::health::v1::HealthCheckResponse::NOT_SERVING);
  EXPECT_EQ(server.log().find(" info serving "), std::string::npos);
  v1::GenerateResponse message;
  ASSERT_TRUE(stream->Read(&message));
  EXPECT_EQ(message.started().model(), "last");
  EXPECT_EQ(message.started().version(), 9);
  while (stream->Read(&message)) {
  }
  EXPECT_EQ(message.finished().finish_reason(), v1::FINISH_REASON_MAX_TOKENS);
  EXPECT_TRUE(stream->Finish().ok());
}

TEST(ReadinessTest, SigtermWhileModelsLoadStopsAtOnce) {
  const TemporaryDirectory directory;
  const std::string address = "unix:" + directory.File("generation.sock");
  std::vector<std::string> arguments = Models(64, "slow", SlowCheckpoint(directory));
  arguments.insert(arguments.end(), {"--listen", address});
  ServerProcess server(arguments);
  const auto health = grpc::health::v1::Health::NewStub(ServerProcess::NewChannel(address));
  ASSERT_EQ(HealthOf(health.get(), ""), grpc::health::v1::HealthCheckResponse::NOT_SERVING);
  server.Signal(SIGTERM);
  const ServerProcess::Exit exit = server.WaitForExit();
  EXPECT_EQ(exit.code, 0);
  EXPECT_THAT(exit.log, ::testing::Not(HasSubstr(" info serving ")));
}

// Sixteen large tokenizers stand before those that are asked for.
class TokenizerTest : public ::testing::Test {
 protected:
  void Serve() {
    const std::string large = LargeTokenizerCheckpoint(directory_);
    const std::string broken = CopyCheckpoint(GoldenCheckpoint(), directory_, "broken");
    directory_.Write("broken/tokenizer.json", R"({"model":{"type":"Unheard"}})");
    std::vector<std::string> arguments = Models(16, "large", large);
    arguments.insert(arguments.end(), {"--model", "demo=" + DemoCheckpoint(), "--model",
                                       "broken=" + broken, "--kv-cache-bytes", "1GiB"});
    server_ = std::make_unique<ServerProcess>(arguments);
    ASSERT_TRUE(server_->AwaitServing()) << server_->log();
    stub_ = server_->Generation();
  }

  bool AwaitWaiting(const std::string& model) {
    return server_->WaitForMetric(
        absl::StrCat("firstlight_sequences{model=\"", model, "\",state=\"waiting\"}"),
        [](double value) { return value == 1; });
  }

  const TemporaryDirectory directory_;
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<v1::GenerationService::Stub> stub_;
};

TEST_F(TokenizerTest, TextWaitsForItsTokenizer) {
  Serve();
  v1::GenerateRequest request;
  request.set_model("demo");
  request.set_prompt("Blue is my favorite color. What is my favorite color?");
  grpc::ClientContext context;
  const auto stream = stub_->Generate(&context, request);
  EXPECT_TRUE(AwaitWaiting("demo"));
  grpc::ClientContext tokenize_context;
  v1::TokenizeRequest tokenize;
  tokenize.set_model("demo");
  tokenize.set_text("blue");
  v1::TokenizeResponse tokens;
  EXPECT_TRUE(stub_->Tokenize(&tokenize_context, tokenize, &tokens).ok());
  EXPECT_GT(tokens.token_ids_size(), 0);
  std::string text;
  v1::GenerateResponse message;
  while (stream->Read(&message)) text += message.delta().text();
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_THAT(text, HasSubstr("blue"));
}

TEST_F(TokenizerTest, WhoWaitsForOneHoldsUpNobodyElse) {
  Serve();
  // More calls than there are threads to tokenize on wait for the last tokenizers.
  std::atomic<int> answered = 0;
  std::vector<std::thread> waiting;
  std::vector<grpc::ClientContext> contexts(4);
  for (grpc::ClientContext& context : contexts) {
    waiting.emplace_back([&] {
      v1::TokenizeRequest request;
      request.set_model("demo");
      request.set_text("blue");
      v1::TokenizeResponse tokens;
      stub_->Tokenize(&context, request, &tokens);
      ++answered;
    });
  }
  v1::TokenizeRequest request;
  request.set_model("large0");
  request.set_text("blue");
  grpc::ClientContext context;
  v1::TokenizeResponse tokens;
  EXPECT_TRUE(stub_->Tokenize(&context, request, &tokens).ok());
  EXPECT_EQ(answered, 0);
  // One that is cancelled ends at once.
  for (grpc::ClientContext& cancelled : contexts) cancelled.TryCancel();
  for (std::thread& thread : waiting) thread.join();
  EXPECT_TRUE(server_->WaitForLog("method=Tokenize code=CANCELLED")) << server_->log();
}

TEST_F(TokenizerTest, OneThatFailsFailsItsModelAndWhoWaitsForIt) {
  Serve();
  v1::GenerateRequest request;
  request.set_model("broken");
  request.set_prompt("blue");
  grpc::ClientContext context;
  const auto stream = stub_->Generate(&context, request);
  EXPECT_TRUE(AwaitWaiting("broken"));
  v1::GenerateResponse message;
  EXPECT_FALSE(stream->Read(&message));
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), AllOf(HasSubstr("Unheard"), HasSubstr("tokenizer.json")));
  ASSERT_TRUE(server_->WaitForLog("state=FAILED"));
  const auto health = server_->Health();
  EXPECT_EQ(HealthOf(health.get(), "broken"), grpc::health::v1::HealthCheckResponse::NOT_SERVING);
  EXPECT_EQ(HealthOf(health.get(), ""), grpc::health::v1::HealthCheckResponse::SERVING);
}

TEST_F(TokenizerTest, ASecondSwapMeanwhileIsAborted) {
  Serve();
  const auto admin = server_->Admin();
  v1::SwapModelRequest swap;
  swap.set_name("demo");
  swap.set_directory(directory_.File("large"));
  v1::WatchModelsRequest name;
  name.set_name("demo");
  grpc::ClientContext watch_context;
  const auto watch = admin->WatchModels(&watch_context, name);
  v1::WatchModelsResponse change;
  ASSERT_TRUE(watch->Read(&change));
  grpc::Status first;
  v1::SwapModelResponse swapped;
  std::thread other([&] {
    grpc::ClientContext context;
    first = admin->SwapModel(&context, swap, &swapped);
  });
  while (watch->Read(&change) && change.model().state() != v1::MODEL_STATE_LOADING) {
  }
  grpc::ClientContext context;
  v1::SwapModelResponse none;
  const grpc::Status second = admin->SwapModel(&context, swap, &none);
  EXPECT_EQ(second.error_code(), grpc::StatusCode::ABORTED);
  EXPECT_EQ(ErrorInfoOf(second).reason(), "MODEL_BUSY");
  other.join();
  EXPECT_TRUE(first.ok()) << first.error_message();
  EXPECT_EQ(swapped.model().state(), v1::MODEL_STATE_ACTIVE);
  watch_context.TryCancel();
}

}  // namespace
}  // namespace firstlight
