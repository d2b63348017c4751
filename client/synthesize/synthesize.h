#ifndef FIRSTLIGHT_CLIENT_SYNTHESIZE_SYNTHESIZE_H_
#define FIRSTLIGHT_CLIENT_SYNTHESIZE_SYNTHESIZE_H_

// Writing a checkpoint of a published shape: its configuration and sharding, seeded random weights,
// and a tokenizer of the real size. For measurements and tests where the published weights cannot
// or need not be there.

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"

namespace firstlight {

struct SynthesizeOptions {
  // A name of AllShapes(): "llama-3.2-1b".
  std::string shape;
  // The directory to write. Its parent must exist.
  std::string directory;
  // The weight files are holes: real lengths, no space on disk, every weight zero.
  bool sparse = false;
  uint64_t seed = 0;
  // Files written at the same time.
  int threads = 2;
  // Called with the bytes written so far and in all, from the writing threads, one call at a time.
  std::function<void(int64_t written_bytes, int64_t total_bytes)> progress = nullptr;
};

struct SynthesizeResult {
  std::string directory;
  int64_t weight_bytes = 0;
  int weight_files = 0;
  // The directory already held exactly this and was left as it is.
  bool reused = false;
};

// Writes the checkpoint beside its place (DIRECTORY.partial) and renames it when it is complete, so
// that DIRECTORY never holds half of one; what an interrupted run left is removed by the next.
// Blocks for as long as the disk takes.
//   INVALID_ARGUMENT    unknown shape, or options out of range
//   NOT_FOUND           the parent does not exist
//   ALREADY_EXISTS      the directory holds something else
//   RESOURCE_EXHAUSTED  the disk has not the space, which is checked first
//   ABORTED             another process is writing the same directory
absl::StatusOr<SynthesizeResult> SynthesizeCheckpoint(const SynthesizeOptions& options);

}  // namespace firstlight

#endif  // FIRSTLIGHT_CLIENT_SYNTHESIZE_SYNTHESIZE_H_
