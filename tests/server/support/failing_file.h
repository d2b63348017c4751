#ifndef FIRSTLIGHT_TESTS_SERVER_SUPPORT_FAILING_FILE_H_
#define FIRSTLIGHT_TESTS_SERVER_SUPPORT_FAILING_FILE_H_

// A file on a real disk that can be made to fail: a FUSE file system of one read-only file, served
// by this process. The kernel sees nothing but a disk that answers with an error, or does not
// answer.

#include <linux/fuse.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "loader/base/mutex.h"

namespace firstlight {

class FailingFile {
 public:
  // Makes `directory` and mounts on it a file system whose only file has the contents of `source`.
  // PERMISSION_DENIED, saying what is not allowed, where this process may not mount one.
  static absl::StatusOr<std::unique_ptr<FailingFile>> Mount(const std::string& directory,
                                                            const std::string& source);
  // Unmounts; whoever has it mapped still finds that it cannot be read.
  ~FailingFile();
  FailingFile(const FailingFile&) = delete;
  FailingFile& operator=(const FailingFile&) = delete;

  std::string path() const;

  // From now on reads end with an I/O error, and what was read before is in nobody's memory.
  void Fail();
  // From now on reads from offset `from` on are not answered, until Resume(), and what was read
  // before is in nobody's memory.
  void Hold(uint64_t from = 0);
  // From now on what the file's size and time are and what file system it is on is not answered,
  // until Resume(), and nobody knows it any more.
  void HoldAttributes();
  void Resume();
  // Waits until a read, or a question for attributes or the file system, is being held. False when
  // that takes longer than `patience`.
  bool AwaitHeld(absl::Duration patience);

 private:
  struct Held {
    uint64_t unique = 0;
    uint64_t offset = 0;
    uint32_t size = 0;
  };

  FailingFile(int device, std::string directory, std::string contents);
  void ForgetCached() const;
  void Serve();
  void Answer(const std::vector<char>& request);
  void AnswerQuestion(const fuse_in_header& question);
  void AnswerRead(const Held& read);
  void Reply(uint64_t unique, int error, const void* body, size_t size) const;

  const int device_;
  const std::string directory_;
  const std::string contents_;
  Mutex mutex_;
  CondVar changed_;
  bool failing_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<uint64_t> holding_from_ ABSL_GUARDED_BY(mutex_);
  bool holding_attributes_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<Held> held_ ABSL_GUARDED_BY(mutex_);
  std::vector<fuse_in_header> held_questions_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_TESTS_SERVER_SUPPORT_FAILING_FILE_H_
