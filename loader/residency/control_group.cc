#include "loader/residency/control_group.h"

#include <sys/stat.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "loader/base/strings.h"
#include "loader/residency/proc_file.h"

namespace firstlight {
namespace {

bool IsDirectory(const std::string& path) {
  struct stat status = {};
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

// `path` below `hierarchy` and what is above it, as far as it is there.
void AddGroup(MemoryGroup::Version version, const std::string& hierarchy, std::string path,
              std::vector<MemoryGroup>* groups) {
  if (!IsDirectory(hierarchy)) return;
  MemoryGroup group{.version = version, .directories = {}};
  while (!path.empty()) {
    const std::string directory = StrCat(hierarchy, path);
    if (IsDirectory(directory)) group.directories.push_back(directory);
    const size_t slash = path.rfind('/');
    path = slash == std::string::npos ? "" : path.substr(0, slash);
  }
  group.directories.push_back(hierarchy);
  groups->push_back(std::move(group));
}

}  // namespace

std::vector<MemoryGroup> FindMemoryGroups(const std::string& root) {
  std::vector<MemoryGroup> groups;
  // Lines are ID:CONTROLLERS:PATH; version 2 has no controllers there.
  const std::string text = ReadProcFile(StrCat(root, "proc/self/cgroup")).value_or("");
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<absl::string_view> parts = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() != 3) continue;
    const std::string path(parts[2] == "/" ? "" : parts[2]);
    if (parts[0] == "0" && parts[1].empty()) {
      AddGroup(MemoryGroup::Version::kV2, StrCat(root, "sys/fs/cgroup"), path, &groups);
      AddGroup(MemoryGroup::Version::kV2, StrCat(root, "sys/fs/cgroup/unified"), path, &groups);
      continue;
    }
    const std::vector<absl::string_view> controllers = absl::StrSplit(parts[1], ',');
    if (std::find(controllers.begin(), controllers.end(), "memory") != controllers.end()) {
      AddGroup(MemoryGroup::Version::kV1, StrCat(root, "sys/fs/cgroup/memory"), path, &groups);
    }
  }
  return groups;
}

std::optional<int64_t> ReadNumber(const std::string& path) {
  const std::optional<std::string> text = ReadProcFile(path);
  int64_t number = 0;
  if (!text.has_value() || !absl::SimpleAtoi(absl::StripAsciiWhitespace(*text), &number)) {
    return std::nullopt;
  }
  return number;
}

std::optional<int64_t> LeastMemoryLimit(const MemoryGroup& group) {
  const std::string file =
      group.version == MemoryGroup::Version::kV2 ? "/memory.max" : "/memory.limit_in_bytes";
  std::optional<int64_t> least;
  for (const std::string& directory : group.directories) {
    const std::optional<int64_t> limit = ReadNumber(directory + file);
    if (limit.has_value() && *limit > 0) least = std::min(*limit, least.value_or(*limit));
  }
  return least;
}

}  // namespace firstlight
