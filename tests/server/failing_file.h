#ifndef FIRSTLIGHT_TESTS_SERVER_FAILING_FILE_H_
#define FIRSTLIGHT_TESTS_SERVER_FAILING_FILE_H_

// A file on a real disk that can be made to fail: a FUSE file system of one read-only file, served
// by this process. The kernel sees nothing but a disk that answers with an error, or does not
// answer.

#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "loader/base/mutex.h"

namespace firstlight {

class FailingFile {
 public:
  // Mounts on `directory`, which exists, a file system whose only file is `name` with `contents`.
  // PERMISSION_DENIED, saying what is not allowed, where this process may not mount one.
  static absl::StatusOr<std::unique_ptr<FailingFile>> Mount(const std::string& directory,
                                                            const std::string& name,
                                                            std::string contents);
  // Unmounts; whoever has it mapped still finds that it cannot be read.
  ~FailingFile();
  FailingFile(const FailingFile&) = delete;
  FailingFile& operator=(const FailingFile&) = delete;

  // From now on reads end with an I/O error, and what was read before is in nobody's memory.
  void Fail();
  // From now on reads are not answered, until Resume(), and what was read before is in nobody's
  // memory.
  void Hold();
  // From now on what the file's size and time are is not answered, until Resume(), and nobody knows
  // it any more.
  void HoldAttributes();
  void Resume();
  // Waits until a read, or a question for attributes, is being held. False when that takes longer
  // than `patience`.
  bool AwaitHeld(absl::Duration patience);

 private:
  struct Held {
    uint64_t unique = 0;
    uint64_t offset = 0;
    uint32_t size = 0;
  };

  FailingFile(int device, std::string directory, std::string name, std::string contents);
  void ForgetCached() const;
  void Serve();
  void Answer(const std::vector<char>& request);
  void AnswerAttributes(uint64_t unique, uint64_t node);
  void AnswerRead(const Held& read);
  void Reply(uint64_t unique, int error, const void* body, size_t size) const;

  const int device_;
  const std::string directory_;
  const std::string name_;
  const std::string contents_;
  Mutex mutex_;
  CondVar changed_;
  bool failing_ ABSL_GUARDED_BY(mutex_) = false;
  bool holding_ ABSL_GUARDED_BY(mutex_) = false;
  bool holding_attributes_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<Held> held_ ABSL_GUARDED_BY(mutex_);
  std::vector<uint64_t> held_attributes_ ABSL_GUARDED_BY(mutex_);  // of the file: their requests
  std::thread thread_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_TESTS_SERVER_FAILING_FILE_H_
