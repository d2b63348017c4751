#ifndef FIRSTLIGHT_TESTS_LOADER_RESIDENCY_SPARSE_FILE_H_
#define FIRSTLIGHT_TESTS_LOADER_RESIDENCY_SPARSE_FILE_H_

// Mapped files of any length that cost no space, and ranges of them in pages.

#include <fcntl.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <string_view>

#include "gtest/gtest.h"
#include "loader/file.h"
#include "loader/mapped_file.h"
#include "loader/residency/page_reader.h"
#include "loader/residency/prefetch_pieces.h"
#include "tests/loader/temporary_directory.h"

namespace firstlight {

// All zeros.
inline std::string WriteSparse(const TemporaryDirectory& directory, std::string_view name,
                               int64_t bytes) {
  std::string path = directory.Write(name, "");
  EXPECT_EQ(truncate(path.c_str(), bytes), 0);
  return path;
}

inline std::shared_ptr<const MappedFile> MapSparse(const TemporaryDirectory& directory,
                                                   std::string_view name, int64_t bytes) {
  auto file = MappedFile::Open(WriteSparse(directory, name, bytes));
  EXPECT_TRUE(file.ok()) << file.status();
  return file.ok() ? *std::move(file) : nullptr;
}

inline ByteRange Bytes(const std::shared_ptr<const MappedFile>& file, int64_t offset,
                       int64_t count) {
  return {.bytes = file->bytes().subspan(static_cast<size_t>(offset), static_cast<size_t>(count)),
          .file = file.get()};
}

inline ByteRange Pages(const std::shared_ptr<const MappedFile>& file, int64_t first,
                       int64_t count) {
  return Bytes(file, first * PageBytes(), count * PageBytes());
}

inline ByteRange Whole(const std::shared_ptr<const MappedFile>& file) {
  return {.bytes = file->bytes(), .file = file.get()};
}

}  // namespace firstlight

#endif  // FIRSTLIGHT_TESTS_LOADER_RESIDENCY_SPARSE_FILE_H_
