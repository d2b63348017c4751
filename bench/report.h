#ifndef FIRSTLIGHT_BENCH_REPORT_H_
#define FIRSTLIGHT_BENCH_REPORT_H_

// The rows that a benchmark prints: one value a line, with the runs that it is the median of.

#include <string>
#include <string_view>
#include <vector>

namespace firstlight {

struct Row {
  std::string bench;      // "decode"
  std::string test_case;  // "llama-3.2-1b/16"
  std::string metric;     // "tokens_per_second"
  std::string unit;       // "seconds", "bytes", "ratio", ...
  std::vector<double> runs;
};

// The median of `values`; the mean of the middle two of an even number. REQUIRES: not empty.
double Median(std::vector<double> values);

// One JSON object, without a line end.
std::string RowJson(const Row& row);

class Report {
 public:
  explicit Report(bool json) : json_(json) {}

  // Prints the row at once, so that a long run can be followed.
  void Add(const Row& row);

 private:
  const bool json_;
  bool printed_header_ = false;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_BENCH_REPORT_H_
