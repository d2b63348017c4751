#include "loader/safetensors_writer.h"

#include <sys/stat.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loader/safetensors.h"
#include "tests/loader/status_matchers.h"
#include "tests/loader/temporary_directory.h"

namespace firstlight {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

std::string Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The tensors of testdata/reference.safetensors, in another order.
const std::vector<TensorDeclaration>& ReferenceTensors() {
  static const auto& tensors =
      *new std::vector<TensorDeclaration>{{"mask", DType::kBool, {3}},
                                          {"layers.2.weight", DType::kF32, {4, 1}},
                                          {"layers.10.weight", DType::kF32, {2, 3}},
                                          {"scalar", DType::kF32, {}},
                                          {"empty", DType::kI8, {0, 4}},
                                          {"half.weight", DType::kF16, {1, 2}},
                                          {"ids", DType::kI64, {3}}};
  return tensors;
}

TEST(SafetensorsWriterTest, WritesWhatTheReferenceLibraryWrites) {
  const std::string reference = std::string(FIRSTLIGHT_LOADER_TESTDATA) + "/reference.safetensors";
  const auto file = SafetensorsFile::Open(reference);
  ASSERT_THAT(file, IsOk());
  const TemporaryDirectory directory;
  const std::string path = directory.File("copy.safetensors");
  const TensorSource copy = [&file](const TensorDeclaration& declared, int64_t offset,
                                    absl::Span<std::byte> out) {
    for (const TensorView& tensor : file->tensors()) {
      if (tensor.name != declared.name) continue;
      std::memcpy(out.data(), tensor.data.data() + offset, out.size());
      return absl::OkStatus();
    }
    return absl::NotFoundError(declared.name);
  };
  // Pieces smaller than a tensor, so that offsets count.
  ASSERT_THAT(WriteSafetensors(path, ReferenceTensors(), copy,
                               {.metadata = {{"format", "np"}}, .piece_bytes = 8}),
              IsOk());
  EXPECT_EQ(Contents(path), Contents(reference));
}

TEST(SafetensorsWriterTest, ASparseFileHasItsLengthAndNoBlocks) {
  const TemporaryDirectory directory;
  const std::string path = directory.File("sparse.safetensors");
  constexpr int64_t kRows = int64_t{1} << 20;
  ASSERT_THAT(
      WriteSafetensors(path, {{"w", DType::kBF16, {kRows, 4096}}}, nullptr, {.sparse = true}),
      IsOk());
  struct stat status = {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_GT(status.st_size, kRows * 4096 * 2);
  EXPECT_LT(status.st_blocks * 512, 1 << 20);
  const auto file = SafetensorsFile::Open(path);
  ASSERT_THAT(file, IsOk());
  EXPECT_THAT(file->metadata(), ElementsAre(Pair("format", "pt")));
  EXPECT_EQ(file->tensors()[0].data.size(), kRows * 4096 * 2);
  EXPECT_EQ(file->tensors()[0].data.back(), std::byte{0});
}

TEST(SafetensorsWriterTest, RefusesWhatItCannotWrite) {
  const TemporaryDirectory directory;
  const std::string path = directory.File("x.safetensors");
  const auto write = [&path](std::vector<TensorDeclaration> tensors) {
    return WriteSafetensors(path, std::move(tensors), nullptr, {.sparse = true});
  };
  EXPECT_THAT(write({{"a", DType::kF32, {1}}, {"b", DType::kF16, {1}}, {"a", DType::kF16, {1}}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("\"a\": declared twice")));
  EXPECT_THAT(write({{"a", DType::kF32, {int64_t{1} << 40, int64_t{1} << 40}}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is no size")));
  EXPECT_THAT(write({{"a", DType::kF4, {3}}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("inside a byte")));
  EXPECT_THAT(write({{"a", DType::kF32, {-1}}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is no size")));
  EXPECT_THAT(write({}), IsOk());
  EXPECT_THAT(write({}), StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("x.safetensors")));
}

TEST(SafetensorsWriterTest, PassesTheSourcesErrorOn) {
  const TemporaryDirectory directory;
  const TensorSource fails = [](const TensorDeclaration&, int64_t, absl::Span<std::byte>) {
    return absl::CancelledError("stop");
  };
  EXPECT_THAT(WriteSafetensors(directory.File("x"), {{"a", DType::kF32, {1}}}, fails),
              StatusIs(absl::StatusCode::kCancelled, "stop"));
}

TEST(SafetensorsWriterTest, SaysWhereItCannotWrite) {
  const TensorSource zeros = [](const TensorDeclaration&, int64_t, absl::Span<std::byte>) {
    return absl::OkStatus();
  };
  EXPECT_THAT(WriteSafetensors("/nowhere/x", {{"a", DType::kF32, {1}}}, zeros),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("cannot be created")));
}

}  // namespace
}  // namespace firstlight
