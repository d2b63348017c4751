#include "loader/residency/memory_pressure.h"

#include <unistd.h>

#include <initializer_list>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "loader/base/strings.h"
#include "loader/residency/proc_file.h"

namespace firstlight {
namespace {

std::optional<int64_t> FirstOf(std::string_view text,
                               std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    if (const auto value = ParseKeyedNumber(text, key); value.has_value()) return value;
  }
  return std::nullopt;
}

std::string TextOf(const std::string& path) { return ReadProcFile(path).value_or(""); }

void ReadGroup(const MemoryGroup& group, MemoryPressure* pressure) {
  const std::string& own = group.directories.front();
  pressure->limit_bytes = LeastMemoryLimit(group);
  const std::string stat = TextOf(own + "/memory.stat");
  if (group.version == MemoryGroup::Version::kV2) {
    pressure->used_bytes = ReadNumber(own + "/memory.current");
    // One counter for files and anonymous memory before Linux 5.9.
    pressure->file_refaults = FirstOf(stat, {"workingset_refault_file", "workingset_refault"});
    const std::string events = TextOf(own + "/memory.events");
    pressure->limit_hits = ParseKeyedNumber(events, "max");
    pressure->oom_kills = ParseKeyedNumber(events, "oom_kill");
    const std::string stalls = TextOf(own + "/memory.pressure");
    pressure->some = ParsePressure(stalls, "some");
    pressure->full = ParsePressure(stalls, "full");
    pressure->pressure_is_of_group = pressure->some.has_value();
    return;
  }
  // "No limit" is a number there, the largest multiple of the page size.
  constexpr int64_t kNoLimit = int64_t{1} << 62;
  if (pressure->limit_bytes.value_or(0) >= kNoLimit) pressure->limit_bytes.reset();
  pressure->used_bytes = ReadNumber(own + "/memory.usage_in_bytes");
  pressure->file_refaults =
      FirstOf(stat, {"total_workingset_refault_file", "total_workingset_refault",
                     "workingset_refault_file", "workingset_refault"});
  pressure->limit_hits = ReadNumber(own + "/memory.failcnt");
  pressure->oom_kills = ParseKeyedNumber(TextOf(own + "/memory.oom_control"), "oom_kill");
}

}  // namespace

MemoryPressureReader::MemoryPressureReader(std::string root) : root_(std::move(root)) {
  for (MemoryGroup& group : FindMemoryGroups(root_)) {
    const bool v2 = group.version == MemoryGroup::Version::kV2;
    // The root of v2 has no memory.current, but statistics.
    const std::string file =
        group.directories.front() + (v2 ? "/memory.stat" : "/memory.usage_in_bytes");
    if (access(file.c_str(), R_OK) == 0) {
      group_ = std::move(group);
      return;
    }
  }
}

MemoryPressure MemoryPressureReader::Read() const {
  MemoryPressure pressure;
  if (group_.has_value()) ReadGroup(*group_, &pressure);
  if (!pressure.pressure_is_of_group) {
    const std::string stalls = TextOf(StrCat(root_, "proc/pressure/memory"));
    pressure.some = ParsePressure(stalls, "some");
    pressure.full = ParsePressure(stalls, "full");
  }
  return pressure;
}

std::optional<PressureStall> ParsePressure(std::string_view text, std::string_view kind) {
  for (const absl::string_view line : absl::StrSplit(ToAbsl(text), '\n')) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (words.empty() || words[0] != ToAbsl(kind)) continue;
    PressureStall stall;
    int found = 0;
    for (absl::string_view word : words) {
      if (absl::ConsumePrefix(&word, "avg10=")) {
        found += absl::SimpleAtod(word, &stall.average_10s) ? 1 : 0;
      } else if (absl::ConsumePrefix(&word, "avg60=")) {
        found += absl::SimpleAtod(word, &stall.average_60s) ? 1 : 0;
      } else if (absl::ConsumePrefix(&word, "total=")) {
        found += absl::SimpleAtoi(word, &stall.total_microseconds) ? 1 : 0;
      }
    }
    if (found != 3) return std::nullopt;
    return stall;
  }
  return std::nullopt;
}

std::optional<int64_t> ParseKeyedNumber(std::string_view text, std::string_view key) {
  for (const absl::string_view line : absl::StrSplit(ToAbsl(text), '\n')) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    int64_t number = 0;
    if (words.size() == 2 && words[0] == ToAbsl(key) && absl::SimpleAtoi(words[1], &number)) {
      return number;
    }
  }
  return std::nullopt;
}

}  // namespace firstlight
