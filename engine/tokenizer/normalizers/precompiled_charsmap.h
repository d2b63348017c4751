#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_NORMALIZERS_PRECOMPILED_CHARSMAP_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_NORMALIZERS_PRECOMPILED_CHARSMAP_H_

// The table of replacements in a sentencepiece model (normalizer_spec.precompiled_charsmap) and in
// tokenizer.json's normalizer "Precompiled": a double-array trie in the format of Darts-clone, and
// the replacement texts that it points into.
//
// Immutable; any thread may call it. The table is from a file: every step is checked.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"
#include "engine/tokenizer/image/image_reader.h"
#include "engine/tokenizer/image/image_writer.h"
#include "engine/tokenizer/image/table.h"

namespace firstlight {

class PrecompiledCharsmap {
 public:
  // INVALID_ARGUMENT when `bytes` is not such a table. Empty bytes are a table of no replacements.
  static absl::StatusOr<PrecompiledCharsmap> Create(std::string_view bytes);

  void Save(ImageWriter& image) const;
  static PrecompiledCharsmap Load(ImageReader& image);

  struct Replacement {
    // Bytes of the text that are replaced; 0: the table says nothing about what the text starts
    // with.
    size_t length = 0;
    std::string_view with;
  };

  // For the longest entry that `text` starts with, or the shortest.
  Replacement FindLongest(std::string_view text) const { return Find(text, /*shortest=*/false); }
  Replacement FindShortest(std::string_view text) const { return Find(text, /*shortest=*/true); }

 private:
  Replacement Find(std::string_view text, bool shortest) const;

  Table<uint32_t> units_;
  Table<char> replacements_;  // Each ends with a NUL.
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_NORMALIZERS_PRECOMPILED_CHARSMAP_H_
