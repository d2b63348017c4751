#include "client/synthesize/synthesize.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "client/synthesize/shapes.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loader/checkpoint.h"
#include "loader/file.h"
#include "tests/loader/status_matchers.h"
#include "tests/loader/temporary_directory.h"

namespace firstlight {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(SynthesizeTest, ASparseSeventyBillionOpensWithoutTakingSpace) {
  const TemporaryDirectory directory;
  const std::string target = directory.File("llama-3-70b");
  const auto result =
      SynthesizeCheckpoint({.shape = "llama-3-70b", .directory = target + "/", .sparse = true});
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->directory, target);
  EXPECT_EQ(result->weight_files, 30);
  EXPECT_FALSE(result->reused);
  const auto checkpoint = Checkpoint::Open(target);
  ASSERT_THAT(checkpoint, IsOk());
  EXPECT_EQ((*checkpoint)->tensors().size(), 723);
  EXPECT_EQ((*checkpoint)->files().size(), 30);
  EXPECT_EQ((*checkpoint)->tensor_bytes(), result->weight_bytes);
  int64_t disk_bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(target)) {
    struct stat status = {};
    ASSERT_EQ(stat(entry.path().c_str(), &status), 0);
    disk_bytes += status.st_blocks * 512;
  }
  EXPECT_LT(disk_bytes, 32'000'000);
  for (const char* file : {"tokenizer.json", "tokenizer_config.json", "generation_config.json"}) {
    EXPECT_TRUE((*checkpoint)->HasFile(file)) << file;
  }
  EXPECT_FALSE(std::filesystem::exists(target + ".partial"));
}

TEST(SynthesizeTest, WritesWeightsThatTheSeedDecides) {
  const TemporaryDirectory directory;
  int64_t last = 0;
  int64_t total = 0;
  const auto result = SynthesizeCheckpoint({.shape = "smollm2-135m",
                                            .directory = directory.File("a"),
                                            .seed = 3,
                                            .progress = [&](int64_t written, int64_t all) {
                                              EXPECT_GT(written, last);
                                              last = written;
                                              total = all;
                                            }});
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(last, result->weight_bytes);
  EXPECT_EQ(total, result->weight_bytes);
  const auto checkpoint = Checkpoint::Open(directory.File("a"));
  ASSERT_THAT(checkpoint, IsOk());
  const TensorView* tensor = (*checkpoint)->Find("model.layers.29.mlp.down_proj.weight");
  ASSERT_NE(tensor, nullptr);
  EXPECT_THAT(tensor->shape, ::testing::ElementsAre(576, 1536));
  const auto zeros = std::count(tensor->data.begin(), tensor->data.end(), std::byte{0});
  EXPECT_LT(zeros, std::ssize(tensor->data) / 50);
}

TEST(SynthesizeTest, ReusesWhatIsThereAndRefusesAnythingElse) {
  const TemporaryDirectory directory;
  const std::string target = directory.File("model");
  std::filesystem::create_directory(target);
  const SynthesizeOptions options = {.shape = "llama-3.2-3b", .directory = target, .sparse = true};
  ASSERT_THAT(SynthesizeCheckpoint(options), IsOk());  // an empty directory is replaced
  const auto before = std::filesystem::last_write_time(target + "/config.json");
  const auto again = SynthesizeCheckpoint(options);
  ASSERT_THAT(again, IsOk());
  EXPECT_TRUE(again->reused);
  EXPECT_EQ(std::filesystem::last_write_time(target + "/config.json"), before);

  SynthesizeOptions other = options;
  other.shape = "mistral-7b";
  EXPECT_THAT(SynthesizeCheckpoint(other),
              StatusIs(absl::StatusCode::kAlreadyExists,
                       AllOf(HasSubstr("mistral-7b"), HasSubstr("llama-3.2-3b"))));
  other.directory = directory.File("other");
  directory.Write("other/something", "x");
  EXPECT_THAT(SynthesizeCheckpoint(other),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("something else")));
  // A checkpoint that has since lost a file is not reused.
  std::filesystem::remove(target + "/model-00001-of-00002.safetensors");
  EXPECT_THAT(SynthesizeCheckpoint(options),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("model-00001-of-00002")));
}

TEST(SynthesizeTest, RemovesWhatAnInterruptedRunLeft) {
  const TemporaryDirectory directory;
  directory.Write("model.partial/model-00001-of-00002.safetensors", "half");
  directory.Write("model.partial/sub/file", "x");
  ASSERT_THAT(SynthesizeCheckpoint(
                  {.shape = "llama-3.2-3b", .directory = directory.File("model"), .sparse = true}),
              IsOk());
  EXPECT_FALSE(std::filesystem::exists(directory.File("model/sub")));
  EXPECT_FALSE(std::filesystem::exists(directory.File("model.partial")));
}

TEST(SynthesizeTest, DoesNotDisturbAnotherRun) {
  const TemporaryDirectory directory;
  const std::string file = directory.Write("model.partial/file", "theirs");
  const FileDescriptor lock(open(directory.File("model.partial").c_str(), O_RDONLY | O_DIRECTORY));
  ASSERT_EQ(flock(lock.get(), LOCK_EX), 0);
  EXPECT_THAT(SynthesizeCheckpoint(
                  {.shape = "llama-3.2-3b", .directory = directory.File("model"), .sparse = true}),
              StatusIs(absl::StatusCode::kAborted, HasSubstr("another process")));
  EXPECT_TRUE(std::filesystem::exists(file));
}

TEST(SynthesizeTest, RefusesBadOptions) {
  const TemporaryDirectory directory;
  const SynthesizeOptions good = {
      .shape = "llama-3.2-3b", .directory = directory.File("x"), .sparse = true};
  SynthesizeOptions options = good;
  options.shape = "gpt-5";
  EXPECT_THAT(SynthesizeCheckpoint(options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("expected one of")));
  options = good;
  options.directory = "";
  EXPECT_THAT(SynthesizeCheckpoint(options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("directory")));
  options = good;
  options.threads = 0;
  EXPECT_THAT(SynthesizeCheckpoint(options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("threads")));
  options = good;
  options.directory = directory.File("absent/x");
  EXPECT_THAT(SynthesizeCheckpoint(options),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("absent")));
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

}  // namespace
}  // namespace firstlight
