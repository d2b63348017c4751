#ifndef FIRSTLIGHT_TESTS_LOADER_TEMPORARY_DIRECTORY_H_
#define FIRSTLIGHT_TESTS_LOADER_TEMPORARY_DIRECTORY_H_

// A directory of a test's own, removed with everything in it when the object goes.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "gtest/gtest.h"

namespace firstlight {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = ::testing::TempDir() + "firstlight-XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string File(std::string_view name) const { return path_ + "/" + std::string(name); }

  // Writes a file, its parent directories included, and returns its path.
  std::string Write(std::string_view name, std::string_view contents) const {
    const std::string path = File(name);
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << contents;
    return path;
  }

 private:
  std::string path_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_TESTS_LOADER_TEMPORARY_DIRECTORY_H_
