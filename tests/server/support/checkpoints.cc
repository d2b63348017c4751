#include "tests/server/support/checkpoints.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace firstlight {

std::string GoldenCheckpoint(const std::string& name) {
  return absl::StrCat(FIRSTLIGHT_SOURCE_DIR "/tests/golden/", name, "/checkpoint");
}

std::string DemoCheckpoint() { return FIRSTLIGHT_SOURCE_DIR "/models/demo"; }

std::string CopyCheckpoint(const std::string& source, const TemporaryDirectory& directory,
                           const std::string& name) {
  const std::string target = directory.File(name);
  std::filesystem::copy(source, target, std::filesystem::copy_options::recursive);
  return target;
}

void Edit(const std::string& path, const std::string& from, const std::string& to) {
  std::stringstream contents;
  contents << std::ifstream(path, std::ios::binary).rdbuf();
  std::string text = contents.str();
  const size_t found = text.find(from);
  ASSERT_NE(found, std::string::npos) << path << " has no " << from;
  text.replace(found, from.size(), to);
  std::ofstream(path, std::ios::binary) << text;
}

std::string CopyWithWeightsElsewhere(const std::string& checkpoint,
                                     const TemporaryDirectory& directory, const std::string& name,
                                     const std::string& weights) {
  std::string copy = CopyCheckpoint(checkpoint, directory, name);
  const std::string own = copy + "/model.safetensors";
  std::filesystem::remove(own);
  std::filesystem::create_symlink(weights, own);
  return copy;
}

std::string LongContextCheckpoint(const TemporaryDirectory& directory, const std::string& golden,
                                  const std::string& name) {
  const std::string path = CopyCheckpoint(GoldenCheckpoint(golden), directory, name);
  Edit(path + "/config.json", "\"max_position_embeddings\": 256",
       "\"max_position_embeddings\": 1000000");
  return path;
}

std::vector<std::filesystem::path> CachedTokenizers(const std::string& cache_directory,
                                                    const std::string& extension) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(cache_directory)) {
    if (entry.path().extension() == extension) files.push_back(entry.path());
  }
  return files;
}

}  // namespace firstlight
