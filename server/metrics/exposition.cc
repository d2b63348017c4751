#include "server/metrics/exposition.h"

#include <prometheus/metric_family.h>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <system_error>

#include "absl/strings/string_view.h"

namespace firstlight {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

void Append(absl::string_view text, std::string* out) { out->append(text.data(), text.size()); }

template <typename Integer>
void AppendInteger(Integer value, std::string* out) {
  char digits[24];
  const std::to_chars_result end = std::to_chars(digits, digits + sizeof(digits), value);
  out->append(digits, end.ptr);
}

// The shortest text that reads back as `value`; without an exponent between a millionth and 2^53,
// so that people can read it.
void AppendNumber(double value, std::string* out) {
  if (std::isnan(value)) return Append("NaN", out);
  if (std::isinf(value)) return Append(value > 0 ? "+Inf" : "-Inf", out);
  constexpr double kExact = 9007199254740992;  // 2^53
  if (std::trunc(value) == value && std::abs(value) <= kExact) {
    return AppendInteger(static_cast<int64_t>(value), out);
  }
  char digits[64];
  const bool plain = std::abs(value) >= 1e-6 && std::abs(value) <= kExact;
  const std::to_chars_result end =
      std::to_chars(digits, digits + sizeof(digits), value,
                    plain ? std::chars_format::fixed : std::chars_format::scientific);
  out->append(digits, end.ptr);
}

// `in_quotes`: of a label's value, where a quote needs escaping, too; else of a help text.
void AppendEscaped(const std::string& text, bool in_quotes, std::string* out) {
  for (const char c : text) {
    if (c == '\n') {
      Append("\\n", out);
      continue;
    }
    if (c == '\\' || (in_quotes && c == '"')) out->push_back('\\');
    out->push_back(c);
  }
}

// `a="b",c="d"`
std::string Labels(const std::vector<ClientMetric::Label>& labels) {
  std::string text;
  for (const ClientMetric::Label& label : labels) {
    if (!text.empty()) text.push_back(',');
    text.append(label.name).append("=\"");
    AppendEscaped(label.value, /*in_quotes=*/true, &text);
    text.push_back('"');
  }
  return text;
}

void AppendName(absl::string_view name, absl::string_view suffix, const std::string& labels,
                std::string* out) {
  Append(name, out);
  Append(suffix, out);
  if (labels.empty()) return out->push_back(' ');
  out->push_back('{');
  out->append(labels).append("} ");
}

void AppendSample(const std::string& name, const std::string& labels, double value,
                  std::string* out) {
  AppendName(name, "", labels, out);
  AppendNumber(value, out);
  out->push_back('\n');
}

class HistogramWriter {
 public:
  HistogramWriter(const std::string& name, std::string* out) : name_(name), out_(out) {}

  void Append(const std::string& labels, const ClientMetric::Histogram& histogram) {
    std::string prefix = name_ + "_bucket{" + labels;
    if (!labels.empty()) prefix.push_back(',');
    prefix.append("le=\"");
    for (size_t i = 0; i < histogram.bucket.size(); ++i) {
      AppendBucket(prefix, i, histogram.bucket[i].upper_bound,
                   histogram.bucket[i].cumulative_count);
    }
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    if (histogram.bucket.empty() || histogram.bucket.back().upper_bound != kInfinity) {
      AppendBucket(prefix, histogram.bucket.size(), kInfinity, histogram.sample_count);
    }
    AppendName(name_, "_sum", labels, out_);
    AppendNumber(histogram.sample_sum, out_);
    out_->push_back('\n');
    AppendName(name_, "_count", labels, out_);
    AppendInteger(histogram.sample_count, out_);
    out_->push_back('\n');
  }

 private:
  void AppendBucket(const std::string& prefix, size_t place, double bound, uint64_t count) {
    out_->append(prefix).append(Bound(place, bound)).append("\"} ");
    AppendInteger(count, out_);
    out_->push_back('\n');
  }

  // The histograms of a family have the same bounds, so their text is worth keeping.
  const std::string& Bound(size_t place, double bound) {
    if (place >= bounds_.size()) bounds_.resize(place + 1);
    Text& text = bounds_[place];
    if (text.text.empty() || text.bound != bound) {
      text.bound = bound;
      text.text.clear();
      AppendNumber(bound, &text.text);
    }
    return text.text;
  }

  struct Text {
    double bound = 0;
    std::string text;
  };

  const std::string& name_;
  std::string* const out_;
  std::vector<Text> bounds_;
};

void AppendFamily(const MetricFamily& family, std::string* out) {
  HistogramWriter histograms(family.name, out);
  for (const ClientMetric& metric : family.metric) {
    const std::string labels = Labels(metric.label);
    if (family.type == MetricType::Counter) {
      AppendSample(family.name, labels, metric.counter.value, out);
    } else if (family.type == MetricType::Gauge) {
      AppendSample(family.name, labels, metric.gauge.value, out);
    } else {
      histograms.Append(labels, metric.histogram);
    }
  }
}

absl::string_view TypeName(MetricType type) {
  if (type == MetricType::Counter) return "counter";
  return type == MetricType::Gauge ? "gauge" : "histogram";
}

// Enough for the page, nearly always: what it would cost to grow is a copy of megabytes.
size_t EstimateBytes(const std::vector<MetricFamily>& families) {
  size_t bytes = 0;
  for (const MetricFamily& family : families) {
    bytes += 256;
    for (const ClientMetric& metric : family.metric) {
      size_t line = family.name.size() + 64;
      for (const ClientMetric::Label& label : metric.label) {
        line += label.name.size() + label.value.size() + 4;
      }
      bytes += line * (1 + metric.histogram.bucket.size());
    }
  }
  return bytes;
}

}  // namespace

std::string ExposeText(const std::vector<MetricFamily>& families) {
  std::string out;
  out.reserve(EstimateBytes(families));
  for (const MetricFamily& family : families) {
    if (family.metric.empty()) continue;
    out.append("# HELP ").append(family.name).push_back(' ');
    AppendEscaped(family.help, /*in_quotes=*/false, &out);
    out.append("\n# TYPE ").append(family.name).push_back(' ');
    Append(TypeName(family.type), &out);
    out.push_back('\n');
    AppendFamily(family, &out);
  }
  return out;
}

}  // namespace firstlight
