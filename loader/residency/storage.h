#ifndef FIRSTLIGHT_LOADER_RESIDENCY_STORAGE_H_
#define FIRSTLIGHT_LOADER_RESIDENCY_STORAGE_H_

// What a file lies on. Asks nobody but /sys: a file system that does not answer is not waited for.

#include <cstdint>
#include <string>

#include "loader/mapped_file.h"
#include "loader/residency/page_reader.h"

namespace firstlight {

// `root` is "/" but in tests: /sys is read below it.
Storage StorageOfFile(const MappedFile& file, const std::string& root = "/");

// Whether a file system of that statfs magic is one over a network or in user space.
bool WantsSequentialReads(uint64_t file_system_magic);

}  // namespace firstlight

#endif  // FIRSTLIGHT_LOADER_RESIDENCY_STORAGE_H_
