#ifndef FIRSTLIGHT_CLIENT_SYNTHESIZE_PARTIAL_DIRECTORY_H_
#define FIRSTLIGHT_CLIENT_SYNTHESIZE_PARTIAL_DIRECTORY_H_

// A directory that appears complete or not at all: it is filled under another name beside its place
// and renamed at the end.

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "loader/file.h"

namespace firstlight {

class PartialDirectory {
 public:
  // Makes `target`.partial, emptied of what an interrupted run left, and locks it. ABORTED when
  // another process holds the lock; NOT_FOUND when the parent does not exist.
  static absl::StatusOr<std::unique_ptr<PartialDirectory>> Create(const std::string& target);

  // Removes the directory with all in it, unless it has been committed.
  ~PartialDirectory();
  PartialDirectory(const PartialDirectory&) = delete;
  PartialDirectory& operator=(const PartialDirectory&) = delete;

  // Where to write until Commit.
  const std::string& path() const { return path_; }

  // Creates a file with these contents.
  absl::Status Write(const std::string& name, const std::string& contents) const;

  // Gives the directory its name. ALREADY_EXISTS when that is there and not empty.
  absl::Status Commit();

 private:
  PartialDirectory(std::string target, std::string path, FileDescriptor lock);

  const std::string target_;
  const std::string path_;
  const FileDescriptor lock_;  // of the directory; released by the kernel if the process dies
  bool committed_ = false;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_CLIENT_SYNTHESIZE_PARTIAL_DIRECTORY_H_
