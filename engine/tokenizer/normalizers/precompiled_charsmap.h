#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_NORMALIZERS_PRECOMPILED_CHARSMAP_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_NORMALIZERS_PRECOMPILED_CHARSMAP_H_

// The table of replacements in a sentencepiece model (normalizer_spec.precompiled_charsmap): a
// double-array trie in the format of Darts-clone, and the replacement texts that it points into.
//
// Immutable; any thread may call it. The table is from a file: every step is checked.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace firstlight {

class PrecompiledCharsmap {
 public:
  // INVALID_ARGUMENT when `bytes` is not such a table. Empty bytes are a table of no replacements.
  static absl::StatusOr<PrecompiledCharsmap> Create(std::string_view bytes);

  struct Replacement {
    // Bytes of the text that are replaced; 0: the table says nothing about what the text starts
    // with.
    size_t length = 0;
    std::string_view with;
  };

  // For the longest entry that `text` starts with.
  Replacement Find(std::string_view text) const;

 private:
  std::vector<uint32_t> units_;
  std::string replacements_;  // Each ends with a NUL.
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_NORMALIZERS_PRECOMPILED_CHARSMAP_H_
