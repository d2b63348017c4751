// Requests that are wrong, at the real server: a clear error, and it serves on.

#include <limits>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "grpcpp/generic/generic_stub.h"
#include "gtest/gtest.h"
#include "tests/server/support/checkpoints.h"
#include "tests/server/support/server_process.h"

namespace firstlight {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class BadRequestTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    server = new ServerProcess({"--model", "m=" + GoldenCheckpoint()});
    ASSERT_TRUE(server->AwaitServing()) << server->log();
  }
  static void TearDownTestSuite() {
    delete server;
    server = nullptr;
  }

  // The request is refused with `field` named, and the server answers the next one.
  static void ExpectRefused(const v1::GenerateRequest& request, const std::string& field) {
    const auto stub = server->Generation();
    const Generated refused = RunGenerate(stub.get(), request);
    EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << field;
    EXPECT_TRUE(refused.messages.empty()) << field;
    EXPECT_THAT(refused.status.error_message(), AllOf(HasSubstr(field), HasSubstr("found")));
    EXPECT_EQ(ErrorInfoOf(refused.status).domain(), "firstlight");
    EXPECT_TRUE(RunGenerate(stub.get(), TokenRequest(1)).status.ok()) << field;
  }

  static ServerProcess* server;
};

ServerProcess* BadRequestTest::server = nullptr;

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
  for (const auto& [id, bias] : {std::pair(3, nan), std::pair(1000, 1.0), std::pair(-1, 1.0),
                                 std::pair(3, 101.0), std::pair(3, -101.0)}) {
    request = TokenRequest(1);
    (*request.mutable_sampling()->mutable_logit_bias())[id] = bias;
    ExpectRefused(request, "sampling.logit_bias");
  }
  request = TokenRequest(1);
  request.mutable_sampling()->add_bad_words("");
  ExpectRefused(request, "sampling.bad_words[0]");
  request = TokenRequest(1);
  request.mutable_sampling()->add_bad_word_token_ids();
  ExpectRefused(request, "sampling.bad_word_token_ids[0].ids");
  request.mutable_sampling()->mutable_bad_word_token_ids(0)->add_ids(131);
  ExpectRefused(request, "sampling.bad_word_token_ids[0].ids[0]");
  request = TokenRequest(1);
  request.mutable_sampling()->add_allowed_token_ids(131);
  ExpectRefused(request, "sampling.allowed_token_ids[0]");
}

// What rules out the last token is known when it is to be drawn: the stream may have begun.
TEST_F(BadRequestTest, OptionsThatLeaveNoToken) {
  v1::GenerateRequest request = TokenRequest(1);
  request.mutable_sampling()->add_allowed_token_ids(5);
  request.mutable_sampling()->add_bad_word_token_ids()->add_ids(5);
  const Generated refused = RunGenerate(server->Generation().get(), request);
  EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(refused.status.error_message(), HasSubstr("sampling.allowed_token_ids"));
  EXPECT_TRUE(refused.token_ids().empty());
}

TEST_F(BadRequestTest, EveryStoppingAndOutputOptionOutOfRange) {
  v1::GenerateRequest request = TokenRequest(0);
  ExpectRefused(request, "stopping.max_tokens");
  request = TokenRequest(4);
  request.mutable_stopping()->set_min_tokens(-1);
  ExpectRefused(request, "stopping.min_tokens");
  request.mutable_stopping()->set_min_tokens(5);
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
  request.mutable_stopping()->mutable_time_limit()->set_seconds(0);
  ExpectRefused(request, "stopping.time_limit");
  request.mutable_stopping()->mutable_time_limit()->set_seconds(int64_t{1} << 60);
  ExpectRefused(request, "stopping.time_limit");
  request = TokenRequest(1);
  request.mutable_output()->set_top_logprobs(21);
  request.mutable_output()->set_logprobs(true);
  ExpectRefused(request, "output.top_logprobs");
  request.mutable_output()->set_top_logprobs(2);
  request.mutable_output()->set_logprobs(false);
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
  const Generated refused = RunGenerate(server->Generation().get(), request);
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
    const grpc::Status invalid = SendRaw(server->Channel(), method, field + "\x02\xff\xfe");
    EXPECT_EQ(invalid.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(ErrorInfoOf(invalid).reason(), "INVALID_UTF8");
    EXPECT_THAT(invalid.error_message(), HasSubstr(field == "\x1a" ? "prompt" : "text"));
    const grpc::Status malformed = SendRaw(server->Channel(), method, "\xff\xff\xff");
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
  EXPECT_TRUE(RunGenerate(stub.get(), TokenRequest(1)).status.ok());
}

// The golden checkpoint with a byte-pair tokenizer that splits by `pattern`.
std::string PatternCheckpoint(const TemporaryDirectory& directory, const std::string& pattern) {
  const std::string path = CopyCheckpoint(GoldenCheckpoint(), directory, "pattern");
  directory.Write("pattern/tokenizer.json",
                  absl::StrCat(R"({"pre_tokenizer":{"type":"Split","pattern":{"Regex":")", pattern,
                               R"("},"behavior":"Isolated","invert":false},)",
                               R"("model":{"type":"BPE","vocab":{"a":0,"b":1},"merges":[]}})"));
  return path;
}

TEST(BacktrackingTest, APatternThatBacktracksFailsItsRequestAlone) {
  const TemporaryDirectory directory;
  ServerProcess server({"--model", "m=" + PatternCheckpoint(directory, "(a+)+$b")});
  ASSERT_TRUE(server.AwaitServing()) << server.log();
  const auto stub = server.Generation();
  v1::GenerateRequest request;
  request.set_prompt(std::string(64, 'a') + "b");  // 2^64 ways to split it
  const Generated refused = RunGenerate(stub.get(), request);
  EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(refused.status.error_message(), HasSubstr("pattern"));
  EXPECT_NE(ErrorInfoOf(refused.status).reason(), "QUEUE_FULL");
  grpc::ClientContext context;
  v1::TokenizeRequest tokenize;
  tokenize.set_text(request.prompt());
  v1::TokenizeResponse tokens;
  EXPECT_EQ(stub->Tokenize(&context, tokenize, &tokens).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  request.set_prompt("bab");
  request.mutable_stopping()->set_max_tokens(1);
  const Generated served = RunGenerate(stub.get(), request);
  EXPECT_TRUE(served.status.ok()) << served.status.error_message();
  EXPECT_EQ(served.started().prompt_tokens(), 3);
}

TEST(BacktrackingTest, APatternThatReadsOnInVainFailsItsRequestWithoutADeadline) {
  const TemporaryDirectory directory;
  ServerProcess server({"--model", "m=" + PatternCheckpoint(directory, "a+$|a")});
  ASSERT_TRUE(server.AwaitServing()) << server.log();
  v1::GenerateRequest request;
  request.set_prompt(std::string(1 << 18, 'a') + "b");
  const Generated refused = RunGenerate(server.Generation().get(), request);
  EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(refused.status.error_message(),
              AllOf(HasSubstr("text: expected at most"), HasSubstr("pattern")));
}

TEST(LongPromptTest, ThoseWhoseClientsAreGoneAreTokenizedNoFurther) {
  // The first branch of this pattern reads on to the end from every letter, in vain: hours in all.
  const TemporaryDirectory directory;
  ServerProcess server({"--model", "m=" + PatternCheckpoint(directory, "a+$|a")});
  ASSERT_TRUE(server.AwaitServing()) << server.log();
  const std::string waiting = "firstlight_sequences{model=\"m\",state=\"waiting\"}";
  const auto stub = server.Generation();
  v1::GenerateRequest request;
  request.set_prompt(std::string(4 << 20, 'a') + "b");
  constexpr size_t kClients = 4;  // more than there are threads for tokenizing
  std::vector<grpc::ClientContext> contexts(kClients);
  std::vector<std::unique_ptr<grpc::ClientReader<v1::GenerateResponse>>> streams;
  for (grpc::ClientContext& context : contexts) {
    streams.push_back(stub->Generate(&context, request));
  }
  EXPECT_TRUE(server.WaitForMetric(waiting, [](double value) { return value == kClients; }));
  for (grpc::ClientContext& context : contexts) context.TryCancel();
  for (const auto& stream : streams) {
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  EXPECT_TRUE(server.WaitForMetric(waiting, [](double value) { return value == 0; }));
  // The threads are free again: a short text is tokenized, long before the deadline.
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(30)));
  request.set_prompt("b");
  request.mutable_stopping()->set_max_tokens(1);
  const auto stream = stub->Generate(&context, request);
  v1::GenerateResponse message;
  while (stream->Read(&message)) {
  }
  const grpc::Status status = stream->Finish();
  EXPECT_TRUE(status.ok()) << status.error_message();
}

}  // namespace
}  // namespace firstlight
