#include "loader/checkpoint.h"

#include <filesystem>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/loader/safetensors_text.h"
#include "tests/loader/status_matchers.h"
#include "tests/loader/temporary_directory.h"

namespace firstlight {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kNotFound = absl::StatusCode::kNotFound;

// A file whose tensors are a byte each, named.
std::string OneByteTensors(const std::vector<std::string>& names, char fill) {
  std::string header = "{";
  for (size_t i = 0; i < names.size(); ++i) {
    header += (i == 0 ? "\"" : ",\"") + names[i] +
              "\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[" + std::to_string(i) + "," +
              std::to_string(i + 1) + "]}";
  }
  return SafetensorsText(header + "}", std::string(names.size(), fill));
}

// A directory with a config and two shards.
class ShardedCheckpointTest : public ::testing::Test {
 protected:
  ShardedCheckpointTest() {
    directory_.Write("config.json", R"({"model_type": "llama"})");
    directory_.Write("model-1.safetensors", OneByteTensors({"layers.10", "layers.2"}, '1'));
    directory_.Write("model-2.safetensors", OneByteTensors({"embed"}, '2'));
    WriteIndex(R"({"layers.10": "model-1.safetensors", "layers.2": "model-1.safetensors",
                   "embed": "model-2.safetensors"})");
  }
  void WriteIndex(const std::string& weight_map) {
    directory_.Write("model.safetensors.index.json",
                     R"({"metadata": {"total_size": 1}, "weight_map": )" + weight_map + "}");
  }
  absl::Status OpenError() { return Checkpoint::Open(directory_.path()).status(); }

  TemporaryDirectory directory_;
};

std::vector<std::string> Names(const Checkpoint& checkpoint) {
  std::vector<std::string> names;
  for (const TensorView& tensor : checkpoint.tensors()) names.push_back(tensor.name);
  return names;
}

TEST_F(ShardedCheckpointTest, FindsTensorsOfAllShards) {
  const auto checkpoint = Checkpoint::Open(directory_.path());
  ASSERT_THAT(checkpoint, IsOk());
  EXPECT_THAT(Names(**checkpoint), ElementsAre("embed", "layers.10", "layers.2"));
  EXPECT_EQ((*checkpoint)->files().size(), 2);
  EXPECT_EQ((*checkpoint)->tensor_bytes(), 3);
  EXPECT_EQ((*checkpoint)->directory(), directory_.path());
  EXPECT_EQ(*(*checkpoint)->config().root().GetString("model_type"), "llama");
  const TensorView* embed = (*checkpoint)->Find("embed");
  ASSERT_NE(embed, nullptr);
  EXPECT_EQ(embed->file->name(), "model-2.safetensors");
  EXPECT_EQ(embed->data[0], std::byte{'2'});
  EXPECT_EQ((*checkpoint)->Find("layers.1"), nullptr);
  EXPECT_EQ((*checkpoint)->Find(""), nullptr);
  EXPECT_EQ((*checkpoint)->Find("zzz"), nullptr);
}

TEST_F(ShardedCheckpointTest, TheSingleFileComesBeforeTheIndex) {
  directory_.Write("model.safetensors", OneByteTensors({"only"}, 'x'));
  const auto checkpoint = Checkpoint::Open(directory_.path());
  ASSERT_THAT(checkpoint, IsOk());
  EXPECT_THAT(Names(**checkpoint), ElementsAre("only"));
}

TEST_F(ShardedCheckpointTest, ListsTensorsThatTheIndexForgot) {
  WriteIndex(R"({"layers.2": "model-1.safetensors", "embed": "model-2.safetensors"})");
  const auto checkpoint = Checkpoint::Open(directory_.path());
  ASSERT_THAT(checkpoint, IsOk());
  EXPECT_THAT(Names(**checkpoint), ElementsAre("embed", "layers.10", "layers.2"));
}

TEST_F(ShardedCheckpointTest, TheIndexSaysWhichOfTwoCounts) {
  directory_.Write("model-2.safetensors", OneByteTensors({"embed", "layers.2"}, '2'));
  const auto checkpoint = Checkpoint::Open(directory_.path());
  ASSERT_THAT(checkpoint, IsOk());
  EXPECT_EQ((*checkpoint)->Find("layers.2")->data[0], std::byte{'1'});
  WriteIndex(R"({"layers.10": "model-1.safetensors", "embed": "model-2.safetensors"})");
  EXPECT_THAT(OpenError(),
              StatusIs(kInvalid, AllOf(HasSubstr("model-2.safetensors: tensor \"layers.2\""),
                                       HasSubstr("also in model-1.safetensors"))));
}

TEST_F(ShardedCheckpointTest, RefusesATensorThatIsNotInItsShard) {
  WriteIndex(R"({"layers.10": "model-1.safetensors", "norm": "model-2.safetensors"})");
  EXPECT_THAT(OpenError(),
              StatusIs(kInvalid, AllOf(HasSubstr("model-2.safetensors: tensor \"norm\""),
                                       HasSubstr("not in the file"))));
}

TEST_F(ShardedCheckpointTest, RefusesAShardThatIsNotThere) {
  WriteIndex(R"({"layers.10": "model-3.safetensors"})");
  EXPECT_THAT(OpenError(), StatusIs(kNotFound, AllOf(HasSubstr("model-3.safetensors: no such file"),
                                                     HasSubstr("places 1 tensors"))));
}

TEST_F(ShardedCheckpointTest, RefusesATruncatedShard) {
  const std::string shard = directory_.File("model-1.safetensors");
  std::filesystem::resize_file(shard, std::filesystem::file_size(shard) - 1);
  EXPECT_THAT(OpenError(),
              StatusIs(kInvalid, AllOf(HasSubstr("model-1.safetensors"), HasSubstr("truncated"))));
  std::filesystem::resize_file(shard, 20);
  EXPECT_THAT(OpenError(), StatusIs(kInvalid, HasSubstr("model-1.safetensors: expected a header")));
}

TEST_F(ShardedCheckpointTest, RefusesNamesThatLeaveTheDirectory) {
  for (const char* name : {"../model-1.safetensors", "/etc/passwd", "sub/model.safetensors", "..",
                           "", "model-1.safetensors/../../x.safetensors"}) {
    WriteIndex(std::string(R"({"embed": ")") + name + "\"}");
    EXPECT_THAT(OpenError(), StatusIs(kInvalid, AllOf(HasSubstr("\"weight_map.embed\""),
                                                      HasSubstr("the same directory"))))
        << name;
  }
  WriteIndex(R"({"embed": "config.json"})");
  EXPECT_THAT(OpenError(), StatusIs(kInvalid, HasSubstr("expected a .safetensors file")));
}

TEST_F(ShardedCheckpointTest, RefusesAMalformedIndex) {
  WriteIndex(R"({"embed": 7})");
  EXPECT_THAT(OpenError(),
              StatusIs(kInvalid, HasSubstr("\"weight_map.embed\": expected a string, found 7")));
  WriteIndex(R"({"embed": "model-2.safetensors", "embed": "model-1.safetensors"})");
  EXPECT_THAT(OpenError(), StatusIs(kInvalid, HasSubstr("duplicate key")));
  directory_.Write("model.safetensors.index.json", R"({"metadata": {}})");
  EXPECT_THAT(OpenError(), StatusIs(kInvalid, HasSubstr("field \"weight_map\": missing")));
  directory_.Write("model.safetensors.index.json", "[");
  EXPECT_THAT(OpenError(),
              StatusIs(kInvalid, HasSubstr("model.safetensors.index.json: not valid JSON")));
}

TEST_F(ShardedCheckpointTest, ReadsOtherFilesOfTheDirectory) {
  directory_.Write("tokenizer.json", "{\"version\": \"1.0\"}");
  const auto checkpoint = Checkpoint::Open(directory_.path());
  ASSERT_THAT(checkpoint, IsOk());
  EXPECT_TRUE((*checkpoint)->HasFile("tokenizer.json"));
  EXPECT_FALSE((*checkpoint)->HasFile("tokenizer.model"));
  std::filesystem::create_symlink("missing", directory_.File("generation_config.json"));
  EXPECT_TRUE((*checkpoint)->HasFile("generation_config.json"));
  EXPECT_EQ(*(*checkpoint)->ReadFile("tokenizer.json"), "{\"version\": \"1.0\"}");
  EXPECT_THAT((*checkpoint)->ReadFile("tokenizer.json", 5),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("at most 5 bytes")));
  EXPECT_THAT((*checkpoint)->ReadFile("tokenizer.model"),
              StatusIs(kNotFound, HasSubstr("tokenizer.model")));
  EXPECT_THAT((*checkpoint)->ReadFile("../x"), StatusIs(kInvalid, HasSubstr("the same directory")));
  const auto json = (*checkpoint)->OpenJson("tokenizer.json");
  ASSERT_THAT(json, IsOk());
  EXPECT_EQ(*(*json)->root().GetString("version"), "1.0");
}

// models--org--name/{blobs,refs,snapshots}, every file of the snapshot a link into blobs.
TEST(CheckpointTest, OpensAHubCacheFolder) {
  const TemporaryDirectory directory;
  const std::string folder = directory.File("models--org--name");
  directory.Write("models--org--name/blobs/aaaa", "{}");
  directory.Write("models--org--name/blobs/bbbb", OneByteTensors({"x"}, 'b'));
  directory.Write("models--org--name/blobs/cccc",
                  R"({"weight_map": {"x": "model-00001-of-00001.safetensors"}})");
  directory.Write("models--org--name/refs/main", "0123");
  const std::string snapshot = folder + "/snapshots/0123/";
  std::filesystem::create_directories(snapshot);
  std::filesystem::create_symlink("../../blobs/aaaa", snapshot + "config.json");
  std::filesystem::create_symlink("../../blobs/bbbb",
                                  snapshot + "model-00001-of-00001.safetensors");
  std::filesystem::create_symlink("../../blobs/cccc", snapshot + "model.safetensors.index.json");
  for (const std::string& path : {folder, folder + "/snapshots/0123"}) {
    const auto checkpoint = Checkpoint::Open(path);
    ASSERT_THAT(checkpoint, IsOk());
    EXPECT_EQ((*checkpoint)->directory(), folder + "/snapshots/0123");
    EXPECT_THAT(Names(**checkpoint), ElementsAre("x"));
  }
}

TEST(CheckpointTest, ALinkToABlobThatIsGoneIsNamed) {
  const TemporaryDirectory directory;
  directory.Write("config.json", "{}");
  std::filesystem::create_symlink("../../blobs/gone", directory.File("model.safetensors"));
  EXPECT_THAT(Checkpoint::Open(directory.path()),
              StatusIs(kNotFound, HasSubstr("model.safetensors: cannot be opened: No such file")));
}

TEST(CheckpointTest, SaysWhatIsMissing) {
  const TemporaryDirectory directory;
  const auto error = [&directory] { return Checkpoint::Open(directory.path()).status(); };
  EXPECT_THAT(Checkpoint::Open(directory.File("absent")),
              StatusIs(kNotFound, HasSubstr("absent: no such directory")));
  EXPECT_THAT(error(), StatusIs(kNotFound, HasSubstr("config.json: no such file")));
  directory.Write("config.json", "[]");
  EXPECT_THAT(error(), StatusIs(kInvalid, "config.json: expected an object, found an array"));
  directory.Write("config.json", "{");
  EXPECT_THAT(error(), StatusIs(kInvalid, HasSubstr("config.json: not valid JSON")));
  directory.Write("config.json", "{}");
  EXPECT_THAT(error(), StatusIs(kNotFound, HasSubstr("found no weights")));
  directory.Write("pytorch_model.bin", "pickle");
  EXPECT_THAT(error(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                AllOf(HasSubstr("found pytorch_model.bin"),
                                      HasSubstr("safe_serialization=True"))));
  directory.Write("model-00001-of-00002.safetensors", "");
  EXPECT_THAT(error(), StatusIs(kNotFound, HasSubstr("found model-00001-of-00002.safetensors "
                                                     "without an index")));
}

}  // namespace
}  // namespace firstlight
