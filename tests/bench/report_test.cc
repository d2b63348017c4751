#include "bench/report.h"

#include "gtest/gtest.h"

namespace firstlight {
namespace {

TEST(MedianTest, IsTheMiddleOrTheMeanOfTheMiddleTwo) {
  EXPECT_EQ(Median({3, 1, 2}), 2);
  EXPECT_EQ(Median({4, 1, 3, 2}), 2.5);
  EXPECT_EQ(Median({7}), 7);
}

TEST(RowJsonTest, HoldsTheMedianAndTheRunsInTheirOrder) {
  EXPECT_EQ(
      RowJson({"decode", "llama-3.2-1b", "read_bandwidth_ratio", "ratio", {0.94, 0.92, 0.93}}),
      R"({"bench":"decode","case":"llama-3.2-1b","metric":"read_bandwidth_ratio",)"
      R"("value":0.93,"unit":"ratio","runs":[0.94,0.92,0.93]})");
}

TEST(RowJsonTest, KeepsBytesWhole) {
  EXPECT_EQ(RowJson({"memory", "m/assign", "checkpoint", "bytes", {2471645608}}),
            R"({"bench":"memory","case":"m/assign","metric":"checkpoint",)"
            R"("value":2471645608,"unit":"bytes","runs":[2471645608]})");
}

}  // namespace
}  // namespace firstlight
