#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_CACHE_TOKENIZER_SOURCES_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_CACHE_TOKENIZER_SOURCES_H_

// What a tokenizer is made from, said in two ways: by content, which costs reading the files
// (9 MB for a vocabulary of 128,000), and by identity, which costs looking at them (microseconds).
// Both cover the code that reads the files too, so that a release that reads them differently does
// not take what another one made of them.

#include <filesystem>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "loader/base/blake2b.h"

namespace firstlight {

struct TokenizerSourceIdentity {
  // A line a file: name, device, inode, size, time of modification and of change in nanoseconds.
  // Equal text, same content: whoever writes a file sets its time of change, which no call sets
  // back. But the clock that sets it ticks every few milliseconds: see `newest_change`.
  std::string text;
  // The latest time in it. A file could have been written again within the same tick, so an
  // identity is no name for content until this is some time ago.
  absl::Time newest_change;
};

// Of the tokenizer of the checkpoint in `directory`. NOT_FOUND where it has none.
absl::StatusOr<TokenizerSourceIdentity> IdentifyTokenizerSources(
    const std::filesystem::path& directory);

// Reads all of the files. Errors: as OpenTokenizer for a file that cannot be read.
absl::StatusOr<Blake2b::Digest> DigestTokenizerSources(const std::filesystem::path& directory);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_CACHE_TOKENIZER_SOURCES_H_
