#ifndef FIRSTLIGHT_TESTS_SERVER_SUPPORT_CHECKPOINTS_H_
#define FIRSTLIGHT_TESTS_SERVER_SUPPORT_CHECKPOINTS_H_

// Checkpoints for the tests of the server: those of tests/golden and models/demo, as they are or
// changed in one place.

#include <filesystem>
#include <string>
#include <vector>

#include "tests/loader/temporary_directory.h"

namespace firstlight {

// A checkpoint of tests/golden: "llama-tied". 131 tokens, no tokenizer.
std::string GoldenCheckpoint(const std::string& name = "llama-tied");

// The bundled model, with its tokenizer.
std::string DemoCheckpoint();

// A copy of `source` as the folder `name` of `directory`, for the test to change. Returns its path.
std::string CopyCheckpoint(const std::string& source, const TemporaryDirectory& directory,
                           const std::string& name);

// Replaces the first occurrence of `from` in a file. Fails the test where there is none.
void Edit(const std::string& path, const std::string& from, const std::string& to);

// A copy of `checkpoint`, as the folder `name`, whose weights are a link to the file `weights`.
std::string CopyWithWeightsElsewhere(const std::string& checkpoint,
                                     const TemporaryDirectory& directory, const std::string& name,
                                     const std::string& weights);

// A golden checkpoint, as the folder `name`, whose context is long enough for streams that a test
// has to stop.
std::string LongContextCheckpoint(const TemporaryDirectory& directory,
                                  const std::string& golden = "llama-tied",
                                  const std::string& name = "long");

// The files with that extension, ".image", of the compiled tokenizers in a cache directory.
std::vector<std::filesystem::path> CachedTokenizers(const std::string& cache_directory,
                                                    const std::string& extension);

}  // namespace firstlight

#endif  // FIRSTLIGHT_TESTS_SERVER_SUPPORT_CHECKPOINTS_H_
