#include "tests/server/support/failing_file.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace firstlight {
namespace {

constexpr uint64_t kRoot = FUSE_ROOT_ID;
constexpr uint64_t kFile = 2;
constexpr char kName[] = "file";
constexpr uint64_t kForeverSeconds = 1'000'000;
// Of the kernel: a request's header and the longest write, of which there are none.
constexpr size_t kRequestBytes = FUSE_MIN_READ_BUFFER + (size_t{1} << 20);

template <typename Body>
Body BodyOf(const std::vector<char>& request) {
  Body body = {};
  const size_t size = std::min(sizeof(body), request.size() - sizeof(fuse_in_header));
  std::memcpy(&body, request.data() + sizeof(fuse_in_header), size);
  return body;
}

fuse_attr Attributes(uint64_t node, size_t size) {
  fuse_attr attributes = {};
  attributes.ino = node;
  attributes.mode = node == kRoot ? S_IFDIR | 0755 : S_IFREG | 0444;
  attributes.nlink = 1;
  attributes.size = node == kRoot ? 0 : size;
  attributes.mtime = 1'700'000'000;
  attributes.blksize = 4096;
  return attributes;
}

}  // namespace

absl::StatusOr<std::unique_ptr<FailingFile>> FailingFile::Mount(const std::string& directory,
                                                                const std::string& source) {
  std::stringstream contents;
  contents << std::ifstream(source, std::ios::binary).rdbuf();
  std::filesystem::create_directory(directory);
  const int device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (device < 0) {
    return absl::PermissionDeniedError(absl::StrCat("/dev/fuse: ", strerror(errno)));
  }
  const std::string options = absl::StrCat("fd=", device, ",rootmode=40000,user_id=", getuid(),
                                           ",group_id=", getgid(), ",allow_other");
  if (mount("firstlight-test", directory.c_str(), "fuse.firstlight",
            MS_RDONLY | MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
    const int error = errno;
    close(device);
    return absl::PermissionDeniedError(
        absl::StrCat("mounting a FUSE file system: ", strerror(error)));
  }
  return std::unique_ptr<FailingFile>(
      new FailingFile(device, directory, std::move(contents).str()));
}

FailingFile::FailingFile(int device, std::string directory, std::string contents)
    : device_(device),
      directory_(std::move(directory)),
      contents_(std::move(contents)),
      thread_([this] { Serve(); }) {}

FailingFile::~FailingFile() {
  Resume();
  // Ends the connection, which ends the thread's read; then the place goes.
  umount2(directory_.c_str(), MNT_FORCE | MNT_DETACH);
  thread_.join();
  close(device_);
}

std::string FailingFile::path() const { return absl::StrCat(directory_, "/", kName); }

void FailingFile::Fail() {
  {
    MutexLock lock(&mutex_);
    failing_ = true;
  }
  ForgetCached();
}

void FailingFile::ForgetCached() const {
  fuse_notify_inval_inode_out inval = {};
  inval.ino = kFile;
  inval.len = -1;
  fuse_out_header header = {};
  header.len = sizeof(header) + sizeof(inval);
  header.error = FUSE_NOTIFY_INVAL_INODE;
  std::array<iovec, 2> parts = {iovec{&header, sizeof(header)}, iovec{&inval, sizeof(inval)}};
  const ssize_t written = writev(device_, parts.data(), parts.size());
  (void)written;  // nothing of it was in memory
}

void FailingFile::Hold(uint64_t from) {
  {
    MutexLock lock(&mutex_);
    holding_from_ = from;
  }
  ForgetCached();
}

void FailingFile::HoldAttributes() {
  {
    MutexLock lock(&mutex_);
    holding_attributes_ = true;
  }
  ForgetCached();
}

void FailingFile::Resume() {
  std::vector<Held> held;
  std::vector<fuse_in_header> questions;
  {
    MutexLock lock(&mutex_);
    holding_from_.reset();
    holding_attributes_ = false;
    held.swap(held_);
    questions.swap(held_questions_);
  }
  for (const fuse_in_header& question : questions) AnswerQuestion(question);
  for (const Held& read : held) AnswerRead(read);
}

bool FailingFile::AwaitHeld(absl::Duration patience) {
  const absl::Time limit = absl::Now() + patience;
  MutexLock lock(&mutex_);
  while (held_.empty() && held_questions_.empty() && absl::Now() < limit) {
    changed_.WaitWithTimeout(&mutex_, limit - absl::Now());
  }
  return !held_.empty() || !held_questions_.empty();
}

void FailingFile::Serve() {
  std::vector<char> request(kRequestBytes);
  while (true) {
    request.resize(kRequestBytes);
    const ssize_t length = read(device_, request.data(), request.size());
    if (length < 0 && (errno == EINTR || errno == ENOENT || errno == EAGAIN)) continue;
    if (length < static_cast<ssize_t>(sizeof(fuse_in_header))) return;  // ENODEV: unmounted
    request.resize(static_cast<size_t>(length));
    Answer(request);
  }
}

void FailingFile::Answer(const std::vector<char>& request) {
  fuse_in_header header = {};
  std::memcpy(&header, request.data(), sizeof(header));
  const std::string_view rest(request.data() + sizeof(header), request.size() - sizeof(header));
  switch (header.opcode) {
    case FUSE_INIT: {
      const auto in = BodyOf<fuse_init_in>(request);
      fuse_init_out out = {};
      out.major = FUSE_KERNEL_VERSION;
      out.minor = std::min<uint32_t>(in.minor, FUSE_KERNEL_MINOR_VERSION);
      out.max_readahead = 0;  // what is asked for is what is read
      out.flags = FUSE_ASYNC_READ & in.flags;
      out.max_background = 16;
      out.max_write = 4096;
      Reply(header.unique, 0, &out, sizeof(out));
      return;
    }
    case FUSE_LOOKUP: {
      if (rest.substr(0, rest.find('\0')) != kName) {
        Reply(header.unique, -ENOENT, nullptr, 0);
        return;
      }
      fuse_entry_out out = {};
      out.nodeid = kFile;
      out.entry_valid = kForeverSeconds;
      out.attr_valid = kForeverSeconds;
      out.attr = Attributes(kFile, contents_.size());
      Reply(header.unique, 0, &out, sizeof(out));
      return;
    }
    case FUSE_GETATTR:
    case FUSE_STATFS: {
      if (header.nodeid == kFile) {
        MutexLock lock(&mutex_);
        if (holding_attributes_) {
          held_questions_.push_back(header);
          changed_.SignalAll();
          return;
        }
      }
      AnswerQuestion(header);
      return;
    }
    case FUSE_OPEN: {
      fuse_open_out out = {};
      out.open_flags = FOPEN_KEEP_CACHE;
      Reply(header.unique, 0, &out, sizeof(out));
      return;
    }
    case FUSE_READ: {
      const auto in = BodyOf<fuse_read_in>(request);
      const Held read = {.unique = header.unique, .offset = in.offset, .size = in.size};
      {
        MutexLock lock(&mutex_);
        if (holding_from_.has_value() && read.offset >= *holding_from_) {
          held_.push_back(read);
          changed_.SignalAll();
          return;
        }
      }
      AnswerRead(read);
      return;
    }
    case FUSE_FLUSH:
    case FUSE_RELEASE:
      Reply(header.unique, 0, nullptr, 0);
      return;
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
      return;  // these want no answer
    default:
      Reply(header.unique, -ENOSYS, nullptr, 0);
  }
}

void FailingFile::AnswerQuestion(const fuse_in_header& question) {
  if (question.opcode == FUSE_STATFS) {
    fuse_statfs_out out = {};
    out.st.bsize = 4096;
    Reply(question.unique, 0, &out, sizeof(out));
    return;
  }
  fuse_attr_out out = {};
  out.attr_valid = kForeverSeconds;
  out.attr = Attributes(question.nodeid, contents_.size());
  Reply(question.unique, 0, &out, sizeof(out));
}

void FailingFile::AnswerRead(const Held& read) {
  bool failing = false;
  {
    MutexLock lock(&mutex_);
    failing = failing_;
  }
  if (failing) {
    Reply(read.unique, -EIO, nullptr, 0);
    return;
  }
  const size_t begin = std::min<size_t>(read.offset, contents_.size());
  Reply(read.unique, 0, contents_.data() + begin,
        std::min<size_t>(read.size, contents_.size() - begin));
}

void FailingFile::Reply(uint64_t unique, int error, const void* body, size_t size) const {
  fuse_out_header header = {};
  header.len = static_cast<uint32_t>(sizeof(header) + size);
  header.error = error;
  header.unique = unique;
  std::array<iovec, 2> parts = {iovec{&header, sizeof(header)},
                                iovec{const_cast<void*>(body), size}};
  const ssize_t written = writev(device_, parts.data(), size == 0 ? 1 : 2);
  (void)written;  // whoever asked may have gone
}

}  // namespace firstlight
