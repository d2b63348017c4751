#include "engine/model_integrity.h"

#include <utility>

#include "loader/base/strings.h"

namespace firstlight {

void ModelIntegrity::Add(std::shared_ptr<const MappedFile> file) {
  MutexLock lock(&mutex_);
  files_.push_back(std::move(file));
}

void ModelIntegrity::SetTokenizerImage(std::shared_ptr<const MappedFile> image) {
  MutexLock lock(&mutex_);
  tokenizer_image_ = std::move(image);
}

// Waits for no file system: the lock may be held over it.
void ModelIntegrity::LookAt(const std::shared_ptr<const MappedFile>& file) const {
  if (file == nullptr || !damage_.ok()) return;
  damage_ = file->CheckUnchanged(MappedFile::Attributes::kKnown);
}

absl::Status ModelIntegrity::Check() const {
  MutexLock lock(&mutex_);
  for (const std::shared_ptr<const MappedFile>& file : files_) LookAt(file);
  LookAt(tokenizer_image_);
  return damage_;
}

absl::Status ModelIntegrity::CheckTokenizerImage() const {
  MutexLock lock(&mutex_);
  LookAt(tokenizer_image_);
  return damage_;
}

absl::Status ModelIntegrity::LookForDamage() {
  std::vector<std::shared_ptr<const MappedFile>> files;
  {
    MutexLock lock(&mutex_);
    if (!damage_.ok()) return damage_;
    files = files_;
    if (tokenizer_image_ != nullptr) files.push_back(tokenizer_image_);
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
    files = files_;
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
