#include "engine/residency/request_residency.h"

#include "gtest/gtest.h"

namespace firstlight {
namespace {

constexpr int64_t kNeeded = 1'000'000;

ResidencyClass ClassOf(int64_t storage_bytes, std::optional<double> mapped) {
  return MeasureResidency({.storage_bytes = storage_bytes}, {.mapped = mapped, .resident = {}},
                          kNeeded)
      .residency;
}

TEST(RequestResidencyTest, ColdFromOnePercentReadOn) {
  EXPECT_EQ(ClassOf(10'000, 1.0), ResidencyClass::kCold);
  EXPECT_EQ(ClassOf(9'999, 1.0), ResidencyClass::kWarm);
  EXPECT_EQ(ClassOf(10'000, 0.0), ResidencyClass::kCold);
}

TEST(RequestResidencyTest, MappedFromOnePercentUnmappedOn) {
  EXPECT_EQ(ClassOf(9'999, 0.98), ResidencyClass::kMapped);
  EXPECT_EQ(ClassOf(0, 0.0), ResidencyClass::kMapped);
  EXPECT_EQ(ClassOf(0, 0.995), ResidencyClass::kWarm);
}

TEST(RequestResidencyTest, WhereThePageTablesAreNotToldItIsNotGuessed) {
  EXPECT_EQ(ClassOf(0, std::nullopt), ResidencyClass::kWarm);
  EXPECT_EQ(ClassOf(10'000, std::nullopt), ResidencyClass::kCold);
}

// All weights were copied: there is nothing to be cold.
TEST(RequestResidencyTest, WithoutMappedWeightsEveryRequestIsWarm) {
  EXPECT_EQ(MeasureResidency({.storage_bytes = 0}, {}, 0).residency, ResidencyClass::kWarm);
}

TEST(RequestResidencyTest, KeepsTheFigures) {
  const RequestResidency residency =
      MeasureResidency({.storage_bytes = 5, .major_faults = 6, .minor_faults = 7},
                       {.mapped = 0.25, .resident = 0.75}, kNeeded);
  EXPECT_EQ(residency.storage_bytes_read, 5);
  EXPECT_EQ(residency.major_faults, 6);
  EXPECT_EQ(residency.minor_faults, 7);
  EXPECT_EQ(residency.mapped_before, 0.25);
  EXPECT_EQ(residency.resident_before, 0.75);
}

}  // namespace
}  // namespace firstlight
