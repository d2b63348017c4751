// Requests and checkpoints that are wrong, at the real server: a clear error, and it serves on.

#include <filesystem>
#include <fstream>
#include <functional>
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

struct BadCheckpoint {
  std::string name;
  std::function<void(const std::string& directory)> spoil;
  std::vector<std::string> message;
};

TEST(BadCheckpointTest, EachIsRefusedByNameAndTheOldOneKeepsServing) {
  const TemporaryDirectory root;
  ServerProcess server({"--model", "m=" + CopyCheckpoint(GoldenCheckpoint(), root, "good")});
  ASSERT_TRUE(server.AwaitServing()) << server.log();
  const auto remove = [](const std::string& path) { std::filesystem::remove(path); };
  const auto write = [](const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
  };
  const auto header = [&](const std::string& directory, const std::string& json) {
    std::string file(8, '\0');
    for (size_t i = 0; i < 8; ++i) file[i] = static_cast<char>((json.size() >> (8 * i)) & 0xff);
    write(directory + "/model.safetensors", file + json);
  };
  const std::vector<BadCheckpoint> cases = {
      {"no-config", [&](const std::string& d) { remove(d + "/config.json"); }, {"config.json"}},
      {"unknown-architecture",
       [&](const std::string& d) {
         Edit(d + "/config.json", "LlamaForCausalLM", "StrangeForCausalLM");
       },
       {"StrangeForCausalLM", "LlamaForCausalLM"}},
      {"pickle",
       [&](const std::string& d) {
         remove(d + "/model.safetensors");
         write(d + "/pytorch_model.bin", "x");
       },
       {"pytorch_model.bin"}},
      {"truncated",
       [&](const std::string& d) {
         std::filesystem::resize_file(d + "/model.safetensors", 200000);
       },
       {"model.safetensors"}},
      {"long-header",
       [&](const std::string& d) {
         write(d + "/model.safetensors", std::string(8, '\x7f') + "{}");
       },
       {"model.safetensors"}},
      {"overlap",
       [&](const std::string& d) {
         header(d, R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                   R"("b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}})");
       },
       {"model.safetensors"}},
      {"overflow",
       [&](const std::string& d) {
         header(d, R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}})");
       },
       {"model.safetensors", "\"a\""}},
      {"duplicate",
       [&](const std::string& d) {
         header(d, R"({"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},)"
                   R"("a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}})");
       },
       {"model.safetensors"}},
      {"nested",
       [&](const std::string& d) { header(d, std::string(99'000'000, '[')); },
       {"model.safetensors"}},
      {"wrong-shape",
       [&](const std::string& d) {
         Edit(d + "/config.json", "\"hidden_size\": 60", "\"hidden_size\": 120");
       },
       {"expected", "found"}},
      {"missing-tensor",
       [&](const std::string& d) {
         Edit(d + "/config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3");
       },
       {"model.layers.2."}},
  };
  const auto admin = server.Admin();
  for (const BadCheckpoint& bad : cases) {
    const std::string directory = CopyCheckpoint(GoldenCheckpoint(), root, bad.name);
    bad.spoil(directory);
    grpc::ClientContext context;
    v1::SwapModelRequest swap;
    swap.set_name("m");
    swap.set_directory(directory);
    v1::SwapModelResponse swapped;
    const grpc::Status status = admin->SwapModel(&context, swap, &swapped);
    EXPECT_FALSE(status.ok()) << bad.name;
    for (const std::string& text : bad.message) {
      EXPECT_THAT(status.error_message(), HasSubstr(text)) << bad.name;
    }
    EXPECT_EQ(ErrorInfoOf(status).reason(), "MODEL_LOAD_FAILED") << bad.name;
    const Generated still = RunGenerate(server.Generation().get(), TokenRequest(1));
    ASSERT_TRUE(still.status.ok()) << bad.name;
    EXPECT_EQ(still.started().version(), 1) << bad.name;
  }
}

}  // namespace
}  // namespace firstlight
