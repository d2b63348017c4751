// Checkpoints that are wrong, swapped into the real server: a clear error, and the old one serves
// on.

#include <filesystem>
#include <fstream>
#include <functional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/support/checkpoints.h"
#include "tests/server/support/server_process.h"

namespace firstlight {
namespace {

using ::testing::HasSubstr;

struct BadCheckpoint {
  std::string name;
  std::function<void(const std::string& directory)> spoil;
  std::vector<std::string> message;
  std::string reason = "MODEL_LOAD_FAILED";
};

TEST(BadCheckpointTest, EachIsRefusedByNameAndTheOldOneKeepsServing) {
  const TemporaryDirectory root;
  ServerProcess server({"--model", "m=" + CopyCheckpoint(GoldenCheckpoint(), root, "good")});
  ASSERT_TRUE(server.AwaitServing()) << server.log();
  const auto remove = [](const std::string& path) { std::filesystem::remove(path); };
  const auto write = [](const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
  };
  // Followed by `data_bytes` of tensor data.
  const auto header = [&](const std::string& directory, const std::string& json,
                          size_t data_bytes = 0) {
    std::string file(8, '\0');
    for (size_t i = 0; i < 8; ++i) file[i] = static_cast<char>((json.size() >> (8 * i)) & 0xff);
    write(directory + "/model.safetensors", file + json + std::string(data_bytes, '\0'));
  };
  const std::vector<BadCheckpoint> cases = {
      {"no-such-directory",
       [](const std::string& d) { std::filesystem::remove_all(d); },
       {"directory", "found nothing", "no-such-directory"},
       "DIRECTORY_NOT_FOUND"},
      {"a-file",
       [&](const std::string& d) {
         std::filesystem::remove_all(d);
         write(d, "x");
       },
       {"found a file"},
       "DIRECTORY_NOT_FOUND"},
      {"no-config", [&](const std::string& d) { remove(d + "/config.json"); }, {"config.json"}},
      {"unknown-architecture",
       [&](const std::string& d) {
         Edit(d + "/config.json", "LlamaForCausalLM", "StrangeForCausalLM");
       },
       {"StrangeForCausalLM", "LlamaForCausalLM"}},
      {"activations",
       [&](const std::string& d) {
         Edit(d + "/config.json", "\"intermediate_size\": ", "\"intermediate_size\": 20000");
       },
       {"config.json", "intermediate_size", "expected at most"}},
      {"pickle",
       [&](const std::string& d) {
         remove(d + "/model.safetensors");
         write(d + "/pytorch_model.bin", "x");
       },
       {"pytorch_model.bin", "safe_serialization"}},
      {"truncated",
       [&](const std::string& d) {
         std::filesystem::resize_file(d + "/model.safetensors", 200000);
       },
       {"model.safetensors", "the file is truncated"}},
      {"long-header",
       [&](const std::string& d) {
         write(d + "/model.safetensors", std::string(8, '\x7f') + "{}");
       },
       {"model.safetensors", "expected a header of at most"}},
      {"overlap",
       [&](const std::string& d) {
         header(d,
                R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                R"("b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}})",
                6);
       },
       {"model.safetensors", "\"b\"", "overlaps"}},
      {"hole",
       [&](const std::string& d) {
         header(d,
                R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                R"("b":{"dtype":"F32","shape":[1],"data_offsets":[6,10]}})",
                10);
       },
       {"model.safetensors", "\"b\"", "hole"}},
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
       {"model.safetensors", "duplicate key"}},
      {"nested",
       [&](const std::string& d) { header(d, std::string(99'000'000, '[')); },
       {"model.safetensors", "levels of nesting"}},
      {"wrong-shape",
       [&](const std::string& d) {
         Edit(d + "/config.json", "\"hidden_size\": 60", "\"hidden_size\": 120");
       },
       {"expected", "found"}},
      {"unsupported-dtype",
       [&](const std::string& d) {
         header(d, R"({"model.norm.weight":{"dtype":"I64","shape":[60],"data_offsets":[0,480]}})",
                480);
       },
       {"model.norm.weight", "I64"}},
      {"index-leaves",
       [&](const std::string& d) {
         remove(d + "/model.safetensors");
         write(d + "/model.safetensors.index.json",
               R"({"weight_map":{"model.norm.weight":"../good/model.safetensors"}})");
       },
       {"../good/model.safetensors"}},
      {"index-names-nothing",
       [&](const std::string& d) {
         remove(d + "/model.safetensors");
         write(d + "/model.safetensors.index.json",
               R"({"weight_map":{"model.norm.weight":"absent.safetensors"}})");
       },
       {"absent.safetensors"}},
      {"tokenizer-too-large",
       [&](const std::string& d) {
         std::filesystem::copy(DemoCheckpoint() + "/tokenizer.model", d + "/tokenizer.model");
       },
       {"131"}},
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
    EXPECT_EQ(ErrorInfoOf(status).reason(), bad.reason) << bad.name;
    const Generated still = RunGenerate(server.Generation().get(), TokenRequest(1));
    ASSERT_TRUE(still.status.ok()) << bad.name;
    EXPECT_EQ(still.started().version(), 1) << bad.name;
  }
}

}  // namespace
}  // namespace firstlight
