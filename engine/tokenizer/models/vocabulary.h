#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_VOCABULARY_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_VOCABULARY_H_

// Tokens by id and ids by token, in flat arrays: one run of bytes, an offset an id, and an
// open-addressing table of ids. Nothing in it is a pointer, so it can be written to a file and used
// in place.
//
// Immutable once built; any thread may read it.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace firstlight {

// Stable between processes, machines and versions of the program: tables hashed with it are kept in
// files.
uint64_t StableHash(std::string_view bytes);

class Vocabulary {
 public:
  static constexpr int32_t kNoId = -1;
  // Past any published vocabulary (262,144 in Gemma 3) by a factor of 16: bounds what a hostile id
  // makes the tables take.
  static constexpr int32_t kMaxIds = 1 << 22;

  struct Entry {
    std::string_view token;
    int64_t id = 0;
  };

  Vocabulary() = default;

  // Of `entries`, in any order; ids may have gaps. Copies the tokens. Errors: INVALID_ARGUMENT for
  // an id outside [0, kMaxIds), an id or a token that occurs twice.
  static absl::StatusOr<Vocabulary> Create(const std::vector<Entry>& entries);

  // The id of `token`, kNoId where there is none.
  int32_t Find(std::string_view token) const;

  // One past the largest id.
  int32_t size() const { return static_cast<int32_t>(present_.size()); }
  bool Has(int32_t id) const { return id >= 0 && id < size() && present_[id] != 0; }
  // Empty where there is no such token.
  std::string_view Token(int32_t id) const {
    return Has(id) ? std::string_view(bytes_).substr(offsets_[id], offsets_[id + 1] - offsets_[id])
                   : std::string_view();
  }
  // Bytes of the longest token.
  size_t longest() const { return longest_; }

  size_t memory_bytes() const;

 private:
  absl::Status Insert(int32_t id);

  std::string bytes_;
  std::vector<uint32_t> offsets_;  // [size + 1]
  std::vector<uint8_t> present_;   // [size]
  std::vector<int32_t> slots_;     // A power of two; an id or kNoId.
  size_t longest_ = 0;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_VOCABULARY_H_
