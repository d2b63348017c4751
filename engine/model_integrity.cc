#include "engine/model_integrity.h"

#include <utility>

#include "loader/base/strings.h"

namespace firstlight {

void ModelIntegrity::Add(std::shared_ptr<const MappedFile> file, bool can_be_made_again) {
  MutexLock lock(&mutex_);
  if (!can_be_made_again) placed_files_.push_back(file);
  files_.push_back(std::move(file));
}

absl::Status ModelIntegrity::Check() const {
  // Waits for no file system: the lock may be held over it.
  MutexLock lock(&mutex_);
  for (const std::shared_ptr<const MappedFile>& file : files_) {
    if (!damage_.ok()) break;
    damage_ = file->CheckUnchanged(MappedFile::Attributes::kKnown);
  }
  return damage_;
}

absl::Status ModelIntegrity::LookForDamage() {
  std::vector<std::shared_ptr<const MappedFile>> files;
  {
    MutexLock lock(&mutex_);
    if (!damage_.ok()) return damage_;
    files = files_;
  }
  absl::Status found;
  for (const std::shared_ptr<const MappedFile>& file : files) {
    if (!found.ok()) break;
    found = file->CheckUnchanged();
  }
  MutexLock lock(&mutex_);
  damage_.Update(found);
  return damage_;
}

void ModelIntegrity::Report(const absl::Status& damage) {
  MutexLock lock(&mutex_);
  damage_.Update(damage);
}

std::string ModelIntegrity::LookForDetached() {
  std::vector<std::shared_ptr<const MappedFile>> files;
  {
    MutexLock lock(&mutex_);
    files = placed_files_;
  }
  std::string found;
  for (const std::shared_ptr<const MappedFile>& file : files) {
    if (const std::string why = file->WhyDetached(); !why.empty()) {
      found = StrCat(file->path(), ": ", why);
      break;
    }
  }
  MutexLock lock(&mutex_);
  detached_ = found;
  return found;
}

std::string ModelIntegrity::detached() const {
  MutexLock lock(&mutex_);
  return detached_;
}

}  // namespace firstlight
