#include "server/metrics/memory_metrics.h"

#include <prometheus/registry.h>

#include <cstdint>
#include <optional>

namespace firstlight {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Registry;

Family<Counter>* NewCounter(Registry* registry, const char* name, const char* help) {
  return &prometheus::BuildCounter().Name(name).Help(help).Register(*registry);
}

Family<Gauge>* NewGauge(Registry* registry, const char* name, const char* help) {
  return &prometheus::BuildGauge().Name(name).Help(help).Register(*registry);
}

std::optional<double> Number(const std::optional<int64_t>& value) {
  if (!value.has_value()) return std::nullopt;
  return static_cast<double>(*value);
}

std::optional<double> Seconds(const std::optional<PressureStall>& stall) {
  if (!stall.has_value()) return std::nullopt;
  return static_cast<double>(stall->total_microseconds) / 1e6;
}

}  // namespace

MemoryMetrics::MemoryMetrics(Registry* registry)
    : limit_(NewGauge(registry, "firstlight_cgroup_memory_limit_bytes",
                      "Least memory limit of the process's control group and those above it. "
                      "Absent where there is none."),
             {}),
      used_(NewGauge(registry, "firstlight_cgroup_memory_used_bytes",
                     "Memory charged to the control group, page cache and with it weights "
                     "included."),
            {}),
      limit_hits_(NewCounter(registry, "firstlight_cgroup_memory_limit_hits_total",
                             "Times that the control group met its limit and pages had to be taken "
                             "back."),
                  {}),
      page_refaults_(NewCounter(registry, "firstlight_cgroup_page_refaults_total",
                                "Pages of files that the control group read again soon after they "
                                "had been taken away."),
                     {}),
      oom_kills_(NewCounter(registry, "firstlight_cgroup_oom_kills_total",
                            "Processes of the control group that were killed for want of memory."),
                 {}),
      pressure_(NewCounter(registry, "firstlight_memory_pressure_seconds_total",
                           "Time in which some task, or all of them (full), waited for memory: of "
                           "the control group where that is told, else of the machine.")),
      some_(pressure_, {{"kind", "some"}}),
      full_(pressure_, {{"kind", "full"}}) {}

void MemoryMetrics::Set(const MemoryPressure& pressure) {
  limit_.Set(Number(pressure.limit_bytes));
  used_.Set(Number(pressure.used_bytes));
  limit_hits_.Set(Number(pressure.limit_hits));
  page_refaults_.Set(Number(pressure.file_refaults));
  oom_kills_.Set(Number(pressure.oom_kills));
  some_.Set(Seconds(pressure.some));
  full_.Set(Seconds(pressure.full));
}

}  // namespace firstlight
