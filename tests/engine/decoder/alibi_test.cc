#include "engine/decoder/alibi.h"

#include <vector>

#include "gtest/gtest.h"

namespace firstlight {
namespace {

struct Case {
  Alibi alibi;
  // Of transformers 5.23 (build_alibi_tensor, build_mpt_alibi_tensor) in float32.
  std::vector<float> slopes;
};

const std::vector<float> kEight = {0.5F,     0.25F,     0.125F,     0.0625F,
                                   0.03125F, 0.015625F, 0.0078125F, 0.00390625F};
const std::vector<float> kSix = {0.25F, 0.0625F, 0.015625F, 0.00390625F, 0.5F, 0.125F};

TEST(AlibiTest, SlopesAreTransformers) {
  const Case cases[] = {{Alibi::kBloom, kEight},
                        {Alibi::kMpt, kEight},
                        {Alibi::kBloom, kSix},
                        {Alibi::kMpt, kSix},
                        {Alibi::kBloom,
                         {0.5F, 0.25F, 0.125F, 0.0625F, 0.03125F, 0.015625F, 0.0078125F,
                          0.00390625F, 0.707106769F, 0.353553385F, 0.176776677F, 0.0883883387F}},
                        {Alibi::kMpt,
                         {0.5F, 0.25F, 0.125F, 0.0625F, 0.03125F, 0.015625F, 0.0078125F,
                          0.00390625F, 0.707106769F, 0.353553385F, 0.176776692F, 0.0883883461F}}};
  for (const Case& c : cases) {
    AttentionSpec attention;
    attention.alibi = c.alibi;
    const std::vector<float> found = AlibiSlopes(attention, static_cast<int64_t>(c.slopes.size()));
    ASSERT_EQ(found.size(), c.slopes.size());
    for (size_t i = 0; i < found.size(); ++i) EXPECT_FLOAT_EQ(found[i], c.slopes[i]);
  }
}

TEST(AlibiTest, AModelWithoutHasNoSlopes) { EXPECT_TRUE(AlibiSlopes({}, 8).empty()); }

}  // namespace
}  // namespace firstlight
