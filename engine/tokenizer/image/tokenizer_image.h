#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_IMAGE_TOKENIZER_IMAGE_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_IMAGE_TOKENIZER_IMAGE_H_

// A compiled tokenizer: one file, mapped, whose tables are used where they lie.
//
//   header   128 bytes: magic, format, key, sizes, checksums
//   fields   everything small, as the components' Save() wrote it (image_writer.h)
//   tables   vocabulary, merges, tries, scores: each begins at a multiple of 64 bytes
//
// Opening trusts nothing. The header has a checksum of its own; one of 64 bits (XXH3) over fields
// and tables is compared before anything is used, at some 10 GB/s: an image that any fault has
// changed is refused whole. One that was made to pass is read with every length and index checked
// where it is used: it can neither crash nor read elsewhere, whatever its bytes are or become.

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "engine/tokenizer/pipeline.h"
#include "loader/base/blake2b.h"
#include "loader/mapped_file.h"

namespace firstlight {

// The bytes of the image of a tokenizer made of `parts`. `key` says what it was made from.
std::string WriteTokenizerImage(const PipelineTokenizer::Parts& parts, const Blake2b::Digest& key);

// The parts of the tokenizer whose image `file` is; they keep it mapped. Reads all of the file and
// makes nothing large. INVALID_ARGUMENT, naming the file and what is wrong, unless it is a whole
// image of this format with that key.
absl::StatusOr<PipelineTokenizer::Parts> ReadTokenizerImage(std::shared_ptr<const MappedFile> file,
                                                            const Blake2b::Digest& key);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_IMAGE_TOKENIZER_IMAGE_H_
