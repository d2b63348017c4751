#ifndef FIRSTLIGHT_ENGINE_MODEL_INTEGRITY_H_
#define FIRSTLIGHT_ENGINE_MODEL_INTEGRITY_H_

// Whether the mapped files of a model are still what was loaded, and still where they were.
//
// Damaged is a file that was truncated, extended, written in place or could not be read: what was
// computed from it is worthless. Detached is one that its path leads to no longer (renamed over,
// deleted, unmounted): its mapping serves on. Thread-safe.

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "loader/base/mutex.h"
#include "loader/mapped_file.h"

namespace firstlight {

class ModelIntegrity {
 public:
  // From now on `file` belongs to the model.
  void Add(std::shared_ptr<const MappedFile> file);
  // As Add, of what the tokenizer reads. Whether its path leads to it is nobody's concern: a cache
  // may be emptied at any time.
  void SetTokenizerImage(std::shared_ptr<const MappedFile> image);

  // DATA_LOSS, naming the file and what was found, from the first time on that this or
  // LookForDamage finds one damaged. One statx a file, of what the kernel knows: never blocks on a
  // file system. One of a network may tell later, to whoever asks it.
  absl::Status Check() const;
  // As Check, of the tokenizer image alone: for text that was made just now.
  absl::Status CheckTokenizerImage() const;

  // As Check, but asks the file systems, which may block: not on the engine's thread, not on a
  // request's.
  absl::Status LookForDamage();

  // Damage that was found otherwise: by reading ahead, say. Check returns the first.
  void Report(const absl::Status& damage);

  // Looks where the files' paths lead, which may block on the file system: not on the engine's
  // thread, not on a request's. Returns "PATH: why" for the first one that is detached; else empty.
  std::string LookForDetached();
  // What the last look found.
  std::string detached() const;

 private:
  void LookAt(const std::shared_ptr<const MappedFile>& file) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  std::vector<std::shared_ptr<const MappedFile>> files_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const MappedFile> tokenizer_image_ ABSL_GUARDED_BY(mutex_);  // or null
  mutable absl::Status damage_ ABSL_GUARDED_BY(mutex_);
  std::string detached_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_MODEL_INTEGRITY_H_
