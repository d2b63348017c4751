#include "tests/engine/golden.h"

#include <filesystem>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

std::string TestName(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

class GoldenTest : public testing::TestWithParam<std::string> {};

// "Correct" means equal to transformers in float32: the logits of every prompt position, and every
// greedy token.
TEST_P(GoldenTest, AnswersAsTransformersDoes) {
  const Golden golden = ReadGolden(GetParam());
  ASSERT_EQ(golden.greedy.size(), 64U);
  for (const Isa isa : {Isa::kReference, Isa::kAuto}) {
    SCOPED_TRACE(IsaName(isa));
    const auto decoder = TestDecoder::Create(golden.checkpoint, {.isa = isa});
    ASSERT_TRUE(decoder.ok()) << decoder.status();
    const GoldenAnswer answer = AnswerGolden(**decoder, golden);
    EXPECT_LT(answer.prompt_error, kLargestError);
    EXPECT_LT(answer.greedy_error, kLargestError);
    EXPECT_EQ(answer.greedy, golden.greedy);
    RecordProperty("prompt_error", StrCat(answer.prompt_error));
  }
}

INSTANTIATE_TEST_SUITE_P(Goldens, GoldenTest, testing::ValuesIn(GoldenNames()), TestName);

TEST(GoldenListTest, NamesEveryGoldenOnDisk) {
  std::set<std::string> found;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(FIRSTLIGHT_SOURCE_DIR) + "/tests/golden")) {
    if (std::filesystem::exists(entry.path() / "golden.json")) {
      found.insert(entry.path().filename().string());
    }
  }
  EXPECT_THAT(GoldenNames(), testing::UnorderedElementsAreArray(found));
}

}  // namespace
}  // namespace firstlight
