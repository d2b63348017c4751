// Requests that are wrong, at the real server: a clear error, and it serves on.

#include <limits>
#include <optional>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "grpcpp/generic/generic_stub.h"
#include "gtest/gtest.h"
#include "tests/server/checkpoints.h"
#include "tests/server/server_process.h"

namespace firstlight {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class BadRequestTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = new ServerProcess({"--model", "m=" + GoldenCheckpoint()});
    ASSERT_TRUE(server_->AwaitServing()) << server_->log();
  }
  static void TearDownTestSuite() {
    delete server_;
    server_ = nullptr;
  }

  // The request is refused with `field` named, and the server answers the next one.
  static void ExpectRefused(const v1::GenerateRequest& request, const std::string& field) {
    const auto stub = server_->Generation();
    const Generated refused = RunGenerate(stub.get(), request);
    EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << field;
    EXPECT_TRUE(refused.messages.empty()) << field;
    EXPECT_THAT(refused.status.error_message(), AllOf(HasSubstr(field), HasSubstr("found")));
    EXPECT_EQ(ErrorInfoOf(refused.status).domain(), "firstlight");
    EXPECT_TRUE(RunGenerate(stub.get(), TokenRequest(1)).status.ok()) << field;
  }

  static ServerProcess* server_;
};

ServerProcess* BadRequestTest::server_ = nullptr;

TEST_F(BadRequestTest, EverySamplingOptionOutOfRange) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  using Sampling = v1::SamplingOptions;
  struct Option {
    std::string name;
    void (Sampling::*set)(double);
    std::vector<double> bad;
  };
  const std::vector<Option> options = {
      {"temperature", &Sampling::set_temperature, {-0.1, 101, nan, infinity}},
      {"top_p", &Sampling::set_top_p, {0, -1, 1.5, nan}},
      {"min_p", &Sampling::set_min_p, {-0.1, 1.1, nan}},
      {"typical_p", &Sampling::set_typical_p, {0, 1.1, nan}},
      {"repetition_penalty", &Sampling::set_repetition_penalty, {0, -1, nan, infinity}},
      {"frequency_penalty", &Sampling::set_frequency_penalty, {-2.1, 2.1, nan}},
      {"presence_penalty", &Sampling::set_presence_penalty, {-2.1, 2.1, nan}},
  };
  for (const Option& option : options) {
    for (const double value : option.bad) {
      v1::GenerateRequest request = TokenRequest(1);
      (request.mutable_sampling()->*option.set)(value);
      ExpectRefused(request, "sampling." + option.name);
    }
  }
  v1::GenerateRequest request = TokenRequest(1);
  request.mutable_sampling()->set_top_k(-1);
  ExpectRefused(request, "sampling.top_k");
  for (const auto& [id, bias] : {std::pair(3, nan), std::pair(1000, 1.0), std::pair(-1, 1.0)}) {
    request = TokenRequest(1);
    (*request.mutable_sampling()->mutable_logit_bias())[id] = bias;
    ExpectRefused(request, "sampling.logit_bias");
  }
}

TEST_F(BadRequestTest, EveryStoppingAndOutputOptionOutOfRange) {
  v1::GenerateRequest request = TokenRequest(0);
  ExpectRefused(request, "stopping.max_tokens");
  request = TokenRequest(4);
  request.mutable_stopping()->set_min_tokens(-1);
  ExpectRefused(request, "stopping.min_tokens");
  request = TokenRequest(1);
  for (int i = 0; i < 100000; ++i) request.mutable_stopping()->add_stop_sequences("stop");
  ExpectRefused(request, "stopping.stop_sequences");
  request = TokenRequest(1);
  request.mutable_stopping()->add_stop_token_ids(131);
  ExpectRefused(request, "stopping.stop_token_ids");
  request = TokenRequest(1);
  request.mutable_stopping()->mutable_time_limit()->set_seconds(-1);
  ExpectRefused(request, "stopping.time_limit");
  request.mutable_stopping()->mutable_time_limit()->set_seconds(int64_t{1} << 60);
  ExpectRefused(request, "stopping.time_limit");
  request = TokenRequest(1);
  request.mutable_output()->set_top_logprobs(21);
  request.mutable_output()->set_logprobs(true);
  ExpectRefused(request, "output.top_logprobs");
  for (const int count : {0, -1, 17, 1000000000}) {
    request = TokenRequest(1);
    request.set_num_sequences(count);
    ExpectRefused(request, "num_sequences");
  }
}

TEST_F(BadRequestTest, PromptsThatCannotBe) {
  v1::GenerateRequest request = TokenRequest(1);
  request.clear_input();
  ExpectRefused(request, "input");
  for (const int32_t id : {-1, 131, std::numeric_limits<int32_t>::max()}) {
    request = TokenRequest(1);
    request.mutable_prompt_token_ids()->set_ids(1, id);
    ExpectRefused(request, "prompt_token_ids");
  }
  request = TokenRequest(1);
  for (int i = 0; i < 300; ++i) request.mutable_prompt_token_ids()->add_ids(5);
  ExpectRefused(request, "prompt");  // the context has 256
  request = TokenRequest(1);
  request.set_request_id(std::string(129, 'x'));
  ExpectRefused(request, "request_id");
}

TEST_F(BadRequestTest, AnUnknownModelIsNamed) {
  v1::GenerateRequest request = TokenRequest(1);
  request.set_model("nobody");
  const Generated refused = RunGenerate(server_->Generation().get(), request);
  EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(refused.status.error_message(), AllOf(HasSubstr("nobody"), HasSubstr("(m)")));
}

// Sends bytes that no generated stub would and returns the status.
grpc::Status SendRaw(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                     const std::string& bytes) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  const grpc::Slice slice(bytes);
  const grpc::ByteBuffer request(&slice, 1);
  grpc::ByteBuffer response;
  Mutex mutex;
  CondVar changed;
  std::optional<grpc::Status> result;
  stub.UnaryCall(&context, "/firstlight.v1.GenerationService/" + method, {}, &request, &response,
                 [&](grpc::Status status) {
                   MutexLock lock(&mutex);
                   result = std::move(status);
                   changed.Signal();
                 });
  MutexLock lock(&mutex);
  while (!result.has_value()) changed.Wait(&mutex);
  return *result;
}

TEST_F(BadRequestTest, InvalidUtf8AndMalformedBytesAreInvalidArgument) {
  for (const char* method : {"Generate", "Tokenize"}) {
    // Field 3 (prompt) and field 2 (text), length 2, bytes that are not UTF-8.
    const std::string field = method == std::string("Generate") ? "\x1a" : "\x12";
    const grpc::Status invalid = SendRaw(server_->Channel(), method, field + "\x02\xff\xfe");
    EXPECT_EQ(invalid.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(ErrorInfoOf(invalid).reason(), "INVALID_UTF8");
    EXPECT_THAT(invalid.error_message(), HasSubstr(field == "\x1a" ? "prompt" : "text"));
    const grpc::Status malformed = SendRaw(server_->Channel(), method, "\xff\xff\xff");
    EXPECT_EQ(malformed.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(ErrorInfoOf(malformed).reason(), "MALFORMED_REQUEST");
  }
}

TEST(LongPromptTest, FourMegabytesOfOneLetterAreTokenizedBesideOthers) {
  ServerProcess server({"--model", "demo=" + DemoCheckpoint()});
  ASSERT_TRUE(server.AwaitServing()) << server.log();
  const auto stub = server.Generation();
  v1::GenerateRequest request;
  request.set_prompt(std::string(4 << 20, 'a'));
  const Generated refused = RunGenerate(stub.get(), request);
  EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(refused.status.error_message(), AllOf(HasSubstr("prompt"), HasSubstr("512")));
  // One that goes on for as long as it takes is given up with its client.
  grpc::ClientContext context;
  const auto stream = stub->Generate(&context, request);
  context.TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(RunGenerate(stub.get(), TokenRequest(1)).status.ok());
}

}  // namespace
}  // namespace firstlight
