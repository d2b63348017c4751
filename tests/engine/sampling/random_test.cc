#include "engine/sampling/random.h"

#include <array>
#include <cstdint>
#include <set>

#include "gmock/gmock.h"

namespace firstlight {
namespace {

using testing::ElementsAre;

// Known answers published with the Random123 library (kat_vectors, philox4x32 10).
TEST(Philox4x32Test, MatchesPublishedVectors) {
  EXPECT_THAT(Philox4x32({0, 0, 0, 0}, {0, 0}),
              ElementsAre(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8));
  EXPECT_THAT(
      Philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
      ElementsAre(0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd));
  EXPECT_THAT(
      Philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
      ElementsAre(0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1));
}

TEST(UniformDrawTest, DependsOnEachOfItsArguments) {
  std::set<double> draws;
  const std::array<uint64_t, 4> values = {0, 1, uint64_t{1} << 32, uint64_t{1} << 63};
  for (const uint64_t seed : values) {
    for (const uint64_t sequence : values) {
      for (const uint64_t token : values) {
        draws.insert(UniformDraw(seed, sequence, token));
      }
    }
  }
  EXPECT_EQ(draws.size(), 64U);
  EXPECT_GE(*draws.begin(), 0.0);
  EXPECT_LT(*draws.rbegin(), 1.0);
}

}  // namespace
}  // namespace firstlight
