#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_CACHE_CACHE_DIRECTORY_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_CACHE_CACHE_DIRECTORY_H_

// Files that can be made again, kept in a directory that other processes use too.
//
// A file appears whole or not at all: it is written under a name of its own, synced, and renamed.
// Processes that write the same name at once each leave a whole file, the last one's stays. What a
// killed process left half-written has another name, and goes when an hour old; a file of the known
// kinds that nobody has mapped for thirty days goes, too, when another is written. The directory
// may be emptied at any time: what is mapped stays mapped.
//
// A file is used only if this user or root owns it and nobody else may write it.
//
// Thread-safe. Every call blocks on the disk.

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "loader/mapped_file.h"

namespace firstlight {

class CacheDirectory {
 public:
  // Made, with its parents, by the first Write. The names of its files end in one of `kinds`; other
  // files that somebody keeps there are left alone.
  CacheDirectory(std::string path, std::vector<std::string_view> kinds)
      : path_(std::move(path)), kinds_(std::move(kinds)) {}

  std::string PathOf(std::string_view name) const;

  // NOT_FOUND where there is none; PERMISSION_DENIED for one that somebody else could have
  // written; else as MappedFile::Open.
  absl::StatusOr<std::shared_ptr<const MappedFile>> Map(std::string_view name) const;

  absl::Status Write(std::string_view name, std::string_view contents) const;

 private:
  void RemoveUnused() const;

  const std::string path_;
  const std::vector<std::string_view> kinds_;
};

// Where programs of this user keep such files: $XDG_CACHE_HOME/firstlight, else
// $HOME/.cache/firstlight. Empty where neither variable names an absolute path.
std::string DefaultCacheDirectory();

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_CACHE_CACHE_DIRECTORY_H_
