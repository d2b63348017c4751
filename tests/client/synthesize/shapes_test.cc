#include "client/synthesize/shapes.h"

#include <map>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loader/json.h"
#include "tests/loader/status_matchers.h"

namespace firstlight {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// What the hubs show for the published checkpoints: tensors, files, parameters × bytes.
struct Published {
  size_t tensors;
  size_t files;
  int64_t bytes;
};

const std::map<std::string, Published>& PublishedShapes() {
  static const auto& shapes = *new std::map<std::string, Published>{
      {"llama-3.2-1b", {146, 1, 2 * int64_t{1'235'814'400}}},
      {"llama-3.2-3b", {254, 2, 2 * int64_t{3'212'749'824}}},
      {"llama-3.1-8b", {291, 4, 2 * int64_t{8'030'261'248}}},
      {"llama-3-8b", {291, 4, 2 * int64_t{8'030'261'248}}},
      {"llama-3-70b", {723, 30, 2 * int64_t{70'553'706'496}}},
      {"llama-2-7b", {323, 2, 2 * int64_t{6'738'415'616} + int64_t{4} * 32 * 64}},
      {"tinyllama-1.1b", {201, 1, 2 * int64_t{1'100'048'384}}},
      {"smollm2-135m", {272, 1, 2 * int64_t{134'515'008}}},
      {"mistral-7b", {291, 3, 2 * int64_t{7'248'023'552}}},
  };
  return shapes;
}

TEST(ShapesTest, HaveTheTensorsFilesAndBytesOfThePublishedOnes) {
  EXPECT_EQ(AllShapes().size(), PublishedShapes().size());
  for (const auto& [name, published] : PublishedShapes()) {
    const auto shape = FindShape(name);
    ASSERT_THAT(shape, IsOk());
    const auto shards = ShardsOf(**shape);
    ASSERT_THAT(shards, IsOk());
    size_t tensors = 0;
    int64_t bytes = 0;
    for (const Shard& shard : *shards) {
      tensors += shard.tensors.size();
      bytes += shard.bytes;
      EXPECT_LE(shard.bytes, (*shape)->max_shard_bytes);
    }
    EXPECT_EQ(tensors, published.tensors) << name;
    EXPECT_EQ(shards->size(), published.files) << name;
    EXPECT_EQ(bytes, published.bytes) << name;
  }
}

TEST(ShapesTest, ShardsAreNamedAsPublished) {
  const auto shards = ShardsOf(**FindShape("llama-3-70b"));
  ASSERT_THAT(shards, IsOk());
  EXPECT_EQ(shards->front().file_name, "model-00001-of-00030.safetensors");
  EXPECT_EQ(shards->back().file_name, "model-00030-of-00030.safetensors");
  EXPECT_EQ(ShardsOf(**FindShape("llama-3.2-1b"))->front().file_name, "model.safetensors");
}

TEST(ShapesTest, ConfigurationsAreJson) {
  for (const ModelShape& shape : AllShapes()) {
    for (const std::string_view text : {shape.config_json, shape.generation_config_json}) {
      EXPECT_THAT(JsonDocument::Parse(std::string(shape.name), std::string(text)), IsOk());
    }
  }
}

TEST(ShapesTest, AnUnknownShapeListsTheKnownOnes) {
  EXPECT_THAT(FindShape("llama-9"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("\"llama-9\""), HasSubstr("llama-3.2-1b, "),
                             HasSubstr("mistral-7b"))));
}

}  // namespace
}  // namespace firstlight
