#ifndef FIRSTLIGHT_LOADER_MAPPED_FILES_H_
#define FIRSTLIGHT_LOADER_MAPPED_FILES_H_

// The mappings that several checkpoints of a process share: a file is mapped once for as long as
// anyone holds it, whatever paths lead to it (copies by hard link, two snapshots of one cache).
//
// What is the same file is decided by device and inode, and what is the same state of it by size
// and time of modification: a file that was overwritten in place since, or damaged, is mapped anew.
//
// Keeps nothing mapped itself. Thread-safe; mappings may outlive it.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "loader/base/mutex.h"
#include "loader/mapped_file.h"

namespace firstlight {

class MappedFiles {
 public:
  // As MappedFile::Open. The result's path() is the one that it was first opened by.
  absl::StatusOr<std::shared_ptr<const MappedFile>> Open(const std::string& path);

 private:
  using Inode = std::pair<uint64_t, uint64_t>;  // with its device

  Mutex mutex_;
  std::map<Inode, std::weak_ptr<const MappedFile>> files_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_LOADER_MAPPED_FILES_H_
