#include "bench/report.h"

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace firstlight {
namespace {

// A number as people read it: 1234567 bytes is "1.23 M".
std::string Readable(double value, const std::string& unit) {
  if (unit == "seconds") {
    return value < 1 ? absl::StrFormat("%.2f ms", value * 1e3) : absl::StrFormat("%.3f s", value);
  }
  if (unit == "ratio") return absl::StrFormat("%.3f", value);
  constexpr std::pair<double, const char*> kScales[] = {{1e12, " T"}, {1e9, " G"}, {1e6, " M"}};
  for (const auto& [scale, suffix] : kScales) {
    if (value >= scale) return absl::StrFormat("%.2f%s", value / scale, suffix);
  }
  return absl::StrFormat("%.2f", value);
}

}  // namespace

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  if (values.size() % 2 == 1) return values[middle];
  return (values[middle - 1] + values[middle]) / 2;
}

std::string RowJson(const Row& row) {
  // Names are ours and need no escaping.
  return absl::StrFormat(
      R"({"bench":"%s","case":"%s","metric":"%s","value":%.12g,"unit":"%s","runs":[%s]})",
      row.bench, row.test_case, row.metric, Median(row.runs), row.unit,
      absl::StrJoin(row.runs, ",", [](std::string* out, double run) {
        absl::StrAppendFormat(out, "%.12g", run);
      }));
}

void Report::Add(const Row& row) {
  if (json_) {
    std::puts(RowJson(row).c_str());
  } else {
    if (!printed_header_) {
      std::printf("%-10s %-26s %-28s %14s   %s\n", "bench", "case", "metric", "median",
                  "min .. max");
    }
    printed_header_ = true;
    const auto [low, high] = std::minmax_element(row.runs.begin(), row.runs.end());
    std::printf("%-10s %-26s %-28s %14s   %s .. %s (%zu)\n", row.bench.c_str(),
                row.test_case.c_str(), row.metric.c_str(),
                Readable(Median(row.runs), row.unit).c_str(), Readable(*low, row.unit).c_str(),
                Readable(*high, row.unit).c_str(), row.runs.size());
  }
  std::fflush(stdout);
}

}  // namespace firstlight
