#ifndef FIRSTLIGHT_TESTS_ENGINE_REFERENCE_DATA_H_
#define FIRSTLIGHT_TESTS_ENGINE_REFERENCE_DATA_H_

#include <cstdlib>
#include <filesystem>

namespace firstlight {

// Published vocabularies, vectors and templates that are not part of the project: the folder that
// the environment variable FIRSTLIGHT_TEST_DATA names, else shared/data beside the source folder,
// which FIRSTLIGHT_SOURCE_DIRECTORY is. It need not be there.
inline std::filesystem::path ReferenceDataDirectory() {
  const char* const named = std::getenv("FIRSTLIGHT_TEST_DATA");
  return named != nullptr
             ? std::filesystem::path(named)
             : std::filesystem::path(FIRSTLIGHT_SOURCE_DIRECTORY) / ".." / "shared" / "data";
}

}  // namespace firstlight

#endif  // FIRSTLIGHT_TESTS_ENGINE_REFERENCE_DATA_H_
