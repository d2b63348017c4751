#include "server/metrics/residency_sampler.h"

#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace firstlight {
namespace {

using ::testing::ElementsAre;

class ResidencySamplerTest : public ::testing::Test {
 protected:
  // A version whose samples take `cost` of the clock.
  ResidencySampler::Candidate Version(int64_t version,
                                      absl::Duration cost = absl::Milliseconds(2)) {
    return {.version = version, .sample = [this, version, cost] {
              taken_.push_back(version);
              now_ += cost;
              ResidencySample sample;
              sample.mapped_bytes = version;
              return sample;
            }};
  }
  std::vector<int64_t> Taken() { return std::exchange(taken_, {}); }

  absl::Time now_ = absl::UnixEpoch() + absl::Hours(1);
  std::vector<int64_t> taken_;
  ResidencySampler sampler_{{.budget = absl::Milliseconds(5), .now = [this] { return now_; }}};
};

TEST_F(ResidencySamplerTest, AFewAreSampledEveryTime) {
  const absl::Time first = now_;
  const auto samples = sampler_.Refresh({Version(7), Version(8)});
  ASSERT_EQ(samples.size(), 2);
  EXPECT_EQ(samples.at(7).time, first);
  EXPECT_EQ(samples.at(8).time, first + absl::Milliseconds(2));
  EXPECT_EQ(samples.at(8).sample.mapped_bytes, 8);
  now_ += absl::Seconds(15);
  sampler_.Refresh({Version(7), Version(8)});
  EXPECT_THAT(Taken(), ElementsAre(7, 8, 7, 8));
}

TEST_F(ResidencySamplerTest, ManyTakeTurnsWithinTheBudget) {
  const std::vector<ResidencySampler::Candidate> five = {Version(1), Version(2), Version(3),
                                                         Version(4), Version(5)};
  EXPECT_EQ(sampler_.Refresh(five).size(), 3);
  EXPECT_THAT(Taken(), ElementsAre(1, 2, 3));
  now_ += absl::Seconds(15);
  EXPECT_EQ(sampler_.Refresh(five).size(), 5);
  EXPECT_THAT(Taken(), ElementsAre(4, 5, 1));
  now_ += absl::Seconds(15);
  sampler_.Refresh(five);
  EXPECT_THAT(Taken(), ElementsAre(2, 3, 4));
}

TEST_F(ResidencySamplerTest, OneThatTakesLongIsTheLastOfItsScrape) {
  sampler_.Refresh({Version(1, absl::Seconds(1)), Version(2)});
  EXPECT_THAT(Taken(), ElementsAre(1));
}

TEST_F(ResidencySamplerTest, ASecondScrapeAtOnceFindsTheSamplesOfTheFirst) {
  sampler_.Refresh({Version(1)});
  const auto samples = sampler_.Refresh({Version(1)});
  EXPECT_EQ(samples.size(), 1);
  EXPECT_THAT(Taken(), ElementsAre(1));
}

TEST_F(ResidencySamplerTest, AVersionThatIsGoneIsForgotten) {
  sampler_.Refresh({Version(1), Version(2)});
  EXPECT_EQ(sampler_.Refresh({Version(2)}).size(), 1);
  now_ += absl::Seconds(15);
  EXPECT_EQ(sampler_.Refresh({}).size(), 0);
}

}  // namespace
}  // namespace firstlight
