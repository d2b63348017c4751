// write_image_seeds OUTPUT TOKENIZER...: compiles the tokenizer of each folder into an image in the
// folder OUTPUT, for the fuzzer to begin from. Folders without a tokenizer that opens are errors.

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "absl/status/statusor.h"
#include "engine/tokenizer/formats/formats.h"
#include "engine/tokenizer/image/tokenizer_image.h"

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: write_image_seeds OUTPUT TOKENIZER...\n");
    return 2;
  }
  const std::filesystem::path output = argv[1];
  for (int i = 2; i < argc; ++i) {
    const std::filesystem::path directory = argv[i];
    const auto parts = firstlight::ReadTokenizerParts(directory);
    if (!parts.ok()) {
      std::fprintf(stderr, "%s\n", std::string(parts.status().message()).c_str());
      return 1;
    }
    std::ofstream file(output / directory.filename(), std::ios::binary);
    file << firstlight::WriteTokenizerImage(*parts, {1, 2, 3});
    if (!file.flush()) return 1;
  }
  return 0;
}
