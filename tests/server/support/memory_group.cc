#include "tests/server/support/memory_group.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "loader/residency/control_group.h"
#include "loader/residency/memory_pressure.h"
#include "loader/residency/proc_file.h"

namespace firstlight {
namespace {

// In one write, as the kernel's files want it.
absl::Status WriteText(const std::string& path, const std::string& text) {
  const int descriptor = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (descriptor < 0) return absl::ErrnoToStatus(errno, path);
  const ssize_t written = write(descriptor, text.data(), text.size());
  const int error = errno;
  close(descriptor);
  return written < 0 ? absl::ErrnoToStatus(error, path) : absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<TestMemoryGroup>> TestMemoryGroup::Create() {
  for (const MemoryGroup& group : FindMemoryGroups()) {
    const bool version_two = group.version == MemoryGroup::Version::kV2;
    const std::string& home = group.directories.front();
    const std::string directory = absl::StrCat(home, "/firstlight-test-", getpid());
    if (mkdir(directory.c_str(), 0755) != 0) continue;
    const char* const limit = version_two ? "/memory.max" : "/memory.limit_in_bytes";
    if (access((directory + limit).c_str(), W_OK) == 0) {
      return std::unique_ptr<TestMemoryGroup>(new TestMemoryGroup(version_two, home, directory));
    }
    rmdir(directory.c_str());
  }
  return absl::PermissionDeniedError("no control group that accounts for memory can be made here");
}

TestMemoryGroup::~TestMemoryGroup() {
  Leave().IgnoreError();
  rmdir(directory_.c_str());
}

absl::Status TestMemoryGroup::Enter() {
  return WriteText(directory_ + "/cgroup.procs", absl::StrCat(getpid()));
}

absl::Status TestMemoryGroup::Leave() {
  return WriteText(home_ + "/cgroup.procs", absl::StrCat(getpid()));
}

int64_t TestMemoryGroup::AnonymousBytes() const {
  const std::string statistics = ReadProcFile(directory_ + "/memory.stat").value_or("");
  return ParseKeyedNumber(statistics, version_two_ ? "anon" : "rss").value_or(0);
}

absl::Status TestMemoryGroup::SetLimit(int64_t bytes) {
  return WriteText(directory_ + (version_two_ ? "/memory.max" : "/memory.limit_in_bytes"),
                   absl::StrCat(bytes));
}

}  // namespace firstlight
