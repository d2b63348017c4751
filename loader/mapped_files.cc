#include "loader/mapped_files.h"

#include "loader/base/status_macros.h"

namespace firstlight {

absl::StatusOr<std::shared_ptr<const MappedFile>> MappedFiles::Open(const std::string& path) {
  // Mapping costs microseconds: one that turns out to be there already is dropped again.
  FIRSTLIGHT_ASSIGN_OR_RETURN(std::shared_ptr<const MappedFile> opened, MappedFile::Open(path));
  const FileIdentity& identity = opened->identity();
  MutexLock lock(&mutex_);
  std::erase_if(files_, [](const auto& file) { return file.second.expired(); });
  std::weak_ptr<const MappedFile>& known = files_[{identity.device, identity.inode}];
  if (std::shared_ptr<const MappedFile> shared = known.lock();
      shared != nullptr && shared->identity() == identity && shared->CheckUnchanged().ok()) {
    return shared;
  }
  known = opened;
  return opened;
}

}  // namespace firstlight
