#include "server/process/memory_limit.h"

#include <algorithm>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "loader/residency/control_group.h"
#include "loader/residency/proc_file.h"

namespace firstlight {
namespace {

// The machine's memory; 1 TiB where /proc does not tell, so that only control groups decide.
int64_t MachineMemoryBytes(const std::string& root) {
  const std::string meminfo = ReadProcFile(absl::StrCat(root, "proc/meminfo")).value_or("");
  for (const absl::string_view line : absl::StrSplit(meminfo, '\n')) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    int64_t kibibytes = 0;
    if (words.size() >= 2 && words[0] == "MemTotal:" && absl::SimpleAtoi(words[1], &kibibytes)) {
      return kibibytes * 1024;
    }
  }
  return int64_t{1} << 40;
}

}  // namespace

int64_t AllowedMemoryBytes(const std::string& root) {
  int64_t limit = MachineMemoryBytes(root);
  for (const MemoryGroup& group : FindMemoryGroups(root)) {
    limit = std::min(limit, LeastMemoryLimit(group).value_or(limit));
  }
  return std::max<int64_t>(limit, 1);
}

int64_t DefaultKvCacheBytes(int64_t allowed_memory_bytes) {
  return std::max<int64_t>(allowed_memory_bytes / 4, 1);
}

}  // namespace firstlight
