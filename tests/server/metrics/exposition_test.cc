#include "server/metrics/exposition.h"

#include <prometheus/metric_family.h>

#include <limits>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace firstlight {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using ::testing::HasSubstr;

MetricFamily Family(MetricType type, ClientMetric metric) {
  return {.name = "n", .help = "what it is", .type = type, .metric = {std::move(metric)}};
}

std::string Gauge(double value) {
  ClientMetric metric;
  metric.gauge.value = value;
  const std::string text = ExposeText({Family(MetricType::Gauge, metric)});
  const std::string head = "# HELP n what it is\n# TYPE n gauge\nn ";
  EXPECT_EQ(text.substr(0, head.size()), head);
  return text.substr(head.size());
}

TEST(ExpositionTest, NumbersReadBackAndPeopleCanReadThem) {
  EXPECT_EQ(Gauge(0), "0\n");
  EXPECT_EQ(Gauge(-3), "-3\n");
  EXPECT_EQ(Gauge(8589934592), "8589934592\n");
  EXPECT_EQ(Gauge(0.0005), "0.0005\n");
  EXPECT_EQ(Gauge(0.1), "0.1\n");
  EXPECT_EQ(Gauge(1795383881.25), "1795383881.25\n");
  for (const double value : {1e300, 3e-9, 1.0 / 3, 9007199254740994.0}) {
    EXPECT_EQ(std::stod(Gauge(value)), value);
  }
}

TEST(ExpositionTest, NumbersThatAreNone) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(Gauge(kInfinity), "+Inf\n");
  EXPECT_EQ(Gauge(-kInfinity), "-Inf\n");
  EXPECT_EQ(Gauge(std::numeric_limits<double>::quiet_NaN()), "NaN\n");
}

TEST(ExpositionTest, LabelsAndHelpAreEscaped) {
  ClientMetric metric;
  metric.label = {{"a", "x"}, {"b", "q\"b\\n\n"}};
  metric.counter.value = 2;
  MetricFamily family = Family(MetricType::Counter, metric);
  family.help = "a \"b\" \\ \n";
  EXPECT_EQ(ExposeText({family}),
            "# HELP n a \"b\" \\\\ \\n\n"
            "# TYPE n counter\n"
            "n{a=\"x\",b=\"q\\\"b\\\\n\\n\"} 2\n");
}

TEST(ExpositionTest, AHistogramEndsWithInfinitySumAndCount) {
  ClientMetric metric;
  metric.label = {{"a", "x"}};
  metric.histogram.sample_count = 3;
  metric.histogram.sample_sum = 0.75;
  metric.histogram.bucket = {{.cumulative_count = 1, .upper_bound = 0.0005},
                             {.cumulative_count = 2, .upper_bound = 10}};
  const std::string expected =
      "# HELP n what it is\n"
      "# TYPE n histogram\n"
      "n_bucket{a=\"x\",le=\"0.0005\"} 1\n"
      "n_bucket{a=\"x\",le=\"10\"} 2\n"
      "n_bucket{a=\"x\",le=\"+Inf\"} 3\n"
      "n_sum{a=\"x\"} 0.75\n"
      "n_count{a=\"x\"} 3\n";
  EXPECT_EQ(ExposeText({Family(MetricType::Histogram, metric)}), expected);
  // As prometheus-cpp collects them.
  metric.histogram.bucket.push_back(
      {.cumulative_count = 3, .upper_bound = std::numeric_limits<double>::infinity()});
  EXPECT_EQ(ExposeText({Family(MetricType::Histogram, metric)}), expected);
}

TEST(ExpositionTest, AHistogramWithoutLabels) {
  const std::string text = ExposeText({Family(MetricType::Histogram, ClientMetric())});
  EXPECT_THAT(text, HasSubstr("\nn_bucket{le=\"+Inf\"} 0\nn_sum 0\nn_count 0\n"));
}

TEST(ExpositionTest, HistogramsOfOneFamilyMayHaveOtherBounds) {
  MetricFamily family = Family(MetricType::Histogram, ClientMetric());
  family.metric.front().histogram.bucket = {{.cumulative_count = 1, .upper_bound = 1}};
  family.metric.push_back(ClientMetric());
  family.metric.back().histogram.bucket = {{.cumulative_count = 4, .upper_bound = 2}};
  EXPECT_THAT(ExposeText({family}), HasSubstr("{le=\"1\"} 1\n"));
  EXPECT_THAT(ExposeText({family}), HasSubstr("{le=\"2\"} 4\n"));
}

TEST(ExpositionTest, AFamilyWithoutSeriesIsLeftOut) {
  EXPECT_EQ(
      ExposeText({MetricFamily{.name = "n", .help = "", .type = MetricType::Gauge, .metric = {}}}),
      "");
}

}  // namespace
}  // namespace firstlight
