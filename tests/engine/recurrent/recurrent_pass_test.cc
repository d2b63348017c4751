#include "engine/recurrent/recurrent_pass.h"

#include <cmath>
#include <limits>
#include <vector>

#include "engine/recurrent/scan.h"
#include "gtest/gtest.h"

namespace firstlight {
namespace {

TEST(RecurrentPassTest, ABufferBeyondTheIntegersIsNone) {
  RecurrentSpec spec = {.kind = RecurrenceKind::kMamba2,
                        .heads = 4096,
                        .head_dim = 1024,
                        .groups = 4096,
                        .state_size = 1024,
                        .kernel = 4,
                        .multipliers = {},
                        .names = {}};
  EXPECT_TRUE(RecurrentPass::BufferFloats(spec, 512).has_value());
  EXPECT_FALSE(
      RecurrentPass::BufferFloats(spec, std::numeric_limits<int64_t>::max() / 1024).has_value());
}

TEST(RecurrentSpecTest, AStateIsWhatItsPartsTake) {
  const RecurrentSpec spec = {.kind = RecurrenceKind::kDeltaNet,
                              .heads = 4,
                              .head_dim = 20,
                              .groups = 2,
                              .state_size = 6,
                              .kernel = 4,
                              .multipliers = {},
                              .names = {}};
  EXPECT_EQ(spec.channels(), 4 * 20 + 2 * 2 * 6);
  EXPECT_EQ(ConvolutionStateFloats(spec), 320) << "3 rows of 104, to whole lines";
  EXPECT_EQ(ScanTiles(spec), 2);
  EXPECT_EQ(LayerStateFloats(spec), 320 + 4 * 2 * 6 * kScanLanes);
}

constexpr int64_t kState = 5;
constexpr int64_t kHeadDim = 3;  // of the tile's lanes
constexpr int64_t kRows = 6;

struct Data {
  std::vector<float> key, query, value, decay, step;
};

Data MakeData() {
  Data data;
  for (int64_t i = 0; i < kRows * kState; ++i) {
    data.key.push_back(std::sin(static_cast<float>(i)));
    data.query.push_back(std::cos(static_cast<float>(3 * i)));
  }
  for (int64_t i = 0; i < kRows * kHeadDim; ++i) {
    data.value.push_back(std::sin(static_cast<float>(7 * i + 1)));
  }
  for (int64_t i = 0; i < kRows; ++i) {
    data.decay.push_back(0.5F + 0.05F * static_cast<float>(i));
    data.step.push_back(0.3F + 0.1F * static_cast<float>(i));
  }
  return data;
}

ScanArgs ArgsOf(Data& data) {
  return {.rows = kRows,
          .state_size = kState,
          .key = data.key.data(),
          .query = data.query.data(),
          .key_stride = kState,
          .value = data.value.data(),
          .value_stride = kHeadDim,
          .decay = data.decay.data(),
          .step = data.step.data(),
          .step_stride = 1,
          .skip = 0.75F};
}

// The equations of recurrent_spec.h, in double, without tiles.
std::vector<double> Expected(const Data& data, bool is_delta) {
  std::vector<double> state(kState * kHeadDim, 0.0);
  std::vector<double> y(kRows * kHeadDim, 0.0);
  for (int64_t t = 0; t < kRows; ++t) {
    for (int64_t p = 0; p < kHeadDim; ++p) {
      const double v = data.value[t * kHeadDim + p];
      double known = 0;
      for (int64_t n = 0; n < kState; ++n) {
        state[n * kHeadDim + p] *= data.decay[t];
        known += state[n * kHeadDim + p] * data.key[t * kState + n];
      }
      const double taken = data.step[t] * (is_delta ? v - known : v);
      for (int64_t n = 0; n < kState; ++n) {
        state[n * kHeadDim + p] += data.key[t * kState + n] * taken;
        y[t * kHeadDim + p] += state[n * kHeadDim + p] * data.query[t * kState + n];
      }
      if (!is_delta) y[t * kHeadDim + p] += 0.75 * v;
    }
  }
  return y;
}

class ScanTest : public testing::TestWithParam<bool> {};

TEST_P(ScanTest, FollowsItsEquations) {
  Data data = MakeData();
  const std::vector<double> expected = Expected(data, GetParam());
  std::vector<float> state(kState * kScanLanes, 0.0F);
  if (GetParam()) {
    ScanDeltaNet(ArgsOf(data), 0, kHeadDim, state.data());
  } else {
    ScanMamba2(ArgsOf(data), 0, kHeadDim, state.data());
  }
  for (size_t i = 0; i < expected.size(); ++i) {
    // Values stay below 4; 6 rows of sums of 5 round some 60 times.
    EXPECT_NEAR(data.value[i], expected[i], 60 * 4 * 0x1p-24) << i;
  }
  for (int64_t n = 0; n < kState; ++n) {
    for (int64_t lane = kHeadDim; lane < kScanLanes; ++lane) {
      EXPECT_EQ(state[static_cast<size_t>(n * kScanLanes + lane)], 0.0F);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, ScanTest, testing::Bool());

}  // namespace
}  // namespace firstlight
