#include "server/memory_limit.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace firstlight {
namespace {

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::stringstream contents;
  contents << file.rdbuf();
  return contents.str();
}

// The machine's memory; 1 TiB where /proc does not tell, so that only control groups decide.
int64_t MachineMemoryBytes(const std::string& root) {
  const std::string meminfo = ReadFile(absl::StrCat(root, "proc/meminfo"));
  for (const absl::string_view line : absl::StrSplit(meminfo, '\n')) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    int64_t kibibytes = 0;
    if (words.size() >= 2 && words[0] == "MemTotal:" && absl::SimpleAtoi(words[1], &kibibytes)) {
      return kibibytes * 1024;
    }
  }
  return int64_t{1} << 40;
}

// The least limit in `file` of the group `path` and of those above it. A container sees its own
// group as the root, so every level counts and missing ones are passed over.
int64_t LeastLimit(const std::string& hierarchy, std::string path, const std::string& file,
                   int64_t limit) {
  while (true) {
    const std::string text = ReadFile(absl::StrCat(hierarchy, path, "/", file));
    int64_t bytes = 0;
    if (absl::SimpleAtoi(absl::StripAsciiWhitespace(text), &bytes) && bytes > 0) {
      limit = std::min(limit, bytes);
    }
    if (path.empty()) return limit;
    path = path.substr(0, path.rfind('/'));
  }
}

}  // namespace

int64_t AllowedMemoryBytes(const std::string& root) {
  int64_t limit = MachineMemoryBytes(root);
  // Lines are ID:CONTROLLERS:PATH; version 2 has no controllers there.
  const std::string groups = ReadFile(absl::StrCat(root, "proc/self/cgroup"));
  for (const absl::string_view line : absl::StrSplit(groups, '\n')) {
    const std::vector<absl::string_view> parts = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() != 3) continue;
    const std::string path(parts[2] == "/" ? "" : parts[2]);
    if (parts[0] == "0" && parts[1].empty()) {
      limit = LeastLimit(absl::StrCat(root, "sys/fs/cgroup"), path, "memory.max", limit);
      limit = LeastLimit(absl::StrCat(root, "sys/fs/cgroup/unified"), path, "memory.max", limit);
      continue;
    }
    const std::vector<absl::string_view> controllers = absl::StrSplit(parts[1], ',');
    if (std::find(controllers.begin(), controllers.end(), "memory") != controllers.end()) {
      limit = LeastLimit(absl::StrCat(root, "sys/fs/cgroup/memory"), path, "memory.limit_in_bytes",
                         limit);
    }
  }
  return std::max<int64_t>(limit, 1);
}

int64_t DefaultKvCacheBytes(int64_t allowed_memory_bytes) {
  return std::max<int64_t>(allowed_memory_bytes / 4, 1);
}

}  // namespace firstlight
