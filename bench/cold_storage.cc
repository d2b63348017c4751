#include "bench/cold_storage.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "loader/base/status_macros.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

namespace firstlight {
namespace {

constexpr int kThreads = 8;
constexpr int64_t kPieceBytes = int64_t{16} << 20;
constexpr int64_t kBufferBytes = int64_t{8} << 20;
constexpr int64_t kPageBytes = 4096;

class OpenFile {
 public:
  explicit OpenFile(const std::string& path) : descriptor_(open(path.c_str(), O_RDONLY)) {
    struct stat status = {};
    if (descriptor_ >= 0 && fstat(descriptor_, &status) == 0) bytes_ = status.st_size;
  }
  ~OpenFile() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  int descriptor() const { return descriptor_; }
  int64_t bytes() const { return bytes_; }

 private:
  const int descriptor_;
  int64_t bytes_ = 0;
};

bool WriteText(const std::string& path, const std::string& text) {
  const int descriptor = open(path.c_str(), O_WRONLY);
  if (descriptor < 0) return false;
  const bool written =
      write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(descriptor);
  return written;
}

// Share of a file that is in the page cache; 1 where the system does not say.
double ResidentShare(const OpenFile& file) {
  void* const memory =
      mmap(nullptr, static_cast<size_t>(file.bytes()), PROT_READ, MAP_SHARED, file.descriptor(), 0);
  if (memory == MAP_FAILED) return 1;
  std::vector<unsigned char> pages(
      static_cast<size_t>((file.bytes() + kPageBytes - 1) / kPageBytes));
  const int failed = mincore(memory, static_cast<size_t>(file.bytes()), pages.data());
  munmap(memory, static_cast<size_t>(file.bytes()));
  if (failed != 0) return 1;
  const auto present =
      std::count_if(pages.begin(), pages.end(), [](unsigned char page) { return (page & 1) != 0; });
  return static_cast<double>(present) / static_cast<double>(pages.size());
}

// Calls read(offset, bytes) for each piece of `file_bytes`, on kThreads threads.
template <typename Function>
void InPieces(int64_t file_bytes, Function&& read) {
  std::atomic<int64_t> next = 0;
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int64_t at = next.fetch_add(kPieceBytes); at < file_bytes;
           at = next.fetch_add(kPieceBytes)) {
        read(at, std::min(kPieceBytes, file_bytes - at));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

void ReadSequentially(const OpenFile& file) {
  std::vector<char> buffer(static_cast<size_t>(kBufferBytes));
  lseek(file.descriptor(), 0, SEEK_SET);
  while (read(file.descriptor(), buffer.data(), buffer.size()) > 0) {
  }
}

void ReadInParallel(const OpenFile& file) {
  InPieces(file.bytes(), [&](int64_t at, int64_t bytes) {
    thread_local std::vector<char> buffer(static_cast<size_t>(kPieceBytes));
    while (bytes > 0) {
      const ssize_t got = pread(file.descriptor(), buffer.data(), static_cast<size_t>(bytes), at);
      if (got <= 0) return;
      at += got;
      bytes -= got;
    }
  });
}

bool ReadByPopulating(const OpenFile& file) {
  auto* const memory = static_cast<char*>(mmap(nullptr, static_cast<size_t>(file.bytes()),
                                               PROT_READ, MAP_SHARED, file.descriptor(), 0));
  if (memory == MAP_FAILED) return false;
  std::atomic<bool> worked = true;
  InPieces(file.bytes(), [&](int64_t at, int64_t bytes) {
    if (madvise(memory + at, static_cast<size_t>(bytes), MADV_POPULATE_READ) != 0) worked = false;
  });
  munmap(memory, static_cast<size_t>(file.bytes()));
  return worked;
}

// "/sys/dev/block/8:1/…", of the whole disk where the file lies on a part of it.
absl::StatusOr<std::pair<std::string, std::string>> BlockDeviceOf(const std::string& file) {
  struct stat status = {};
  if (stat(file.c_str(), &status) != 0) {
    return absl::NotFoundError(absl::StrCat(file, ": ", std::strerror(errno)));
  }
  const std::string number = absl::StrCat(major(status.st_dev), ":", minor(status.st_dev));
  for (const char* const up : {"", "/.."}) {
    const std::string directory = absl::StrCat("/sys/dev/block/", number, up);
    if (access(absl::StrCat(directory, "/queue/read_ahead_kb").c_str(), R_OK) != 0) continue;
    std::string device;
    std::ifstream(directory + "/dev") >> device;
    return std::make_pair(directory, device);
  }
  return absl::NotFoundError(absl::StrCat(file, ": lies on no block device of its own"));
}

}  // namespace

absl::StatusOr<std::string> DropFromMemory(const std::vector<std::string>& files) {
  sync();
  std::string how = "drop_caches";
  if (!WriteText("/proc/sys/vm/drop_caches", "1\n")) {
    how = "posix_fadvise";
    for (const std::string& path : files) {
      const OpenFile file(path);
      posix_fadvise(file.descriptor(), 0, 0, POSIX_FADV_DONTNEED);
    }
  }
  for (const std::string& path : files) {
    const double share = ResidentShare(OpenFile(path));
    if (share > 0.01) {
      return absl::FailedPreconditionError(absl::StrCat(
          path, ": expected to be out of memory after ", how, ", found ", share, " of it there"));
    }
  }
  return how;
}

absl::StatusOr<absl::Duration> TimeRawRead(const std::vector<std::string>& files, RawRead how) {
  FIRSTLIGHT_RETURN_IF_ERROR(DropFromMemory(files).status());
  const absl::Time start = absl::Now();
  for (const std::string& path : files) {
    const OpenFile file(path);
    switch (how) {
      case RawRead::kSequential:
        ReadSequentially(file);
        break;
      case RawRead::kParallel:
        ReadInParallel(file);
        break;
      case RawRead::kPopulate:
        if (!ReadByPopulating(file)) {
          return absl::UnimplementedError("this kernel populates no mappings for reading");
        }
        break;
    }
  }
  return absl::Now() - start;
}

absl::StatusOr<RawRead> FastestRawRead(const std::vector<std::string>& files) {
  RawRead fastest = RawRead::kSequential;
  absl::Duration least = absl::InfiniteDuration();
  for (const RawRead how : {RawRead::kSequential, RawRead::kParallel, RawRead::kPopulate}) {
    std::array<absl::Duration, 3> times;
    for (absl::Duration& time : times) {
      const absl::StatusOr<absl::Duration> timed = TimeRawRead(files, how);
      if (!timed.ok() && !absl::IsUnimplemented(timed.status())) return timed.status();
      time = timed.ok() ? *timed : absl::InfiniteDuration();
    }
    std::sort(times.begin(), times.end());
    if (times[1] < least) {
      least = times[1];
      fastest = how;
    }
  }
  return fastest;
}

absl::StatusOr<std::unique_ptr<ReadAhead>> ReadAhead::Of(const std::string& file) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const auto device, BlockDeviceOf(file));
  std::string path = device.first + "/queue/read_ahead_kb";
  int64_t kib = 0;
  std::ifstream(path) >> kib;
  return std::unique_ptr<ReadAhead>(new ReadAhead(std::move(path), kib));
}

ReadAhead::~ReadAhead() { Set(original_kib_).IgnoreError(); }

absl::Status ReadAhead::Set(int64_t kib) {
  if (WriteText(path_, absl::StrCat(kib))) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat(path_, ": ", std::strerror(errno)));
}

absl::StatusOr<std::unique_ptr<ReadLimit>> ReadLimit::Of(const std::string& file,
                                                         int64_t bytes_per_second) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const auto device, BlockDeviceOf(file));
  // Where the process is now: "N:CONTROLLERS:PATH" (v1) and "0::PATH" (v2).
  std::string v1_path;
  std::string v2_path;
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const std::vector<std::string> fields = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (fields.size() != 3) continue;
    if (fields[1] == "blkio") v1_path = fields[2];
    if (fields[1].empty()) v2_path = fields[2];
  }
  const std::string name = absl::StrCat("firstlight-bench-", getpid());
  struct Version {
    std::string home;
    std::string limit_file;
    std::string limit;
  };
  const Version versions[] = {
      {absl::StrCat("/sys/fs/cgroup/blkio", v1_path), "blkio.throttle.read_bps_device",
       absl::StrCat(device.second, " ", bytes_per_second)},
      {absl::StrCat("/sys/fs/cgroup", v2_path), "io.max",
       absl::StrCat(device.second, " rbps=", bytes_per_second)}};
  for (const Version& version : versions) {
    const std::string group = absl::StrCat(version.home, "/", name);
    if (mkdir(group.c_str(), 0755) != 0) continue;
    if (WriteText(absl::StrCat(group, "/", version.limit_file), version.limit) &&
        WriteText(group + "/cgroup.procs", absl::StrCat(getpid()))) {
      return std::unique_ptr<ReadLimit>(new ReadLimit(group, version.home));
    }
    rmdir(group.c_str());
  }
  return absl::PermissionDeniedError("no control group of this process's own can be made");
}

ReadLimit::~ReadLimit() {
  WriteText(home_ + "/cgroup.procs", absl::StrCat(getpid()));
  rmdir(group_.c_str());
}

}  // namespace firstlight
