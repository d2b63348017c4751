#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_VOCABULARY_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_VOCABULARY_H_

// Tokens by id and ids by token, in flat arrays: one run of bytes, an offset an id, and an
// open-addressing table of ids. Nothing in it is a pointer: an image is used in place.
//
// Immutable once built; any thread may read it.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/tokenizer/image/image_reader.h"
#include "engine/tokenizer/image/image_writer.h"
#include "engine/tokenizer/image/table.h"

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

  void Save(ImageWriter& image) const;
  static Vocabulary Load(ImageReader& image);

  // The id of `token`, kNoId where there is none.
  int32_t Find(std::string_view token) const;

  // One past the largest id.
  int32_t size() const { return static_cast<int32_t>(present_.size()); }
  bool Has(int32_t id) const { return id >= 0 && id < size() && present_[id] != 0; }
  // Empty where there is no such token.
  std::string_view Token(int32_t id) const {
    if (!Has(id)) return {};
    const uint32_t begin = offsets_[id];
    const uint32_t end = offsets_[id + 1];
    return begin <= end && end <= bytes_.size()
               ? std::string_view(bytes_.data() + begin, end - begin)
               : std::string_view();
  }
  // Bytes of the longest token.
  size_t longest() const { return longest_; }

  size_t memory_bytes() const;

 private:
  absl::Status Insert(int32_t id, std::vector<int32_t>& slots) const;

  Table<char> bytes_;
  Table<uint32_t> offsets_;  // [size + 1]
  Table<uint8_t> present_;   // [size]
  Table<int32_t> slots_;     // A power of two; an id or kNoId.
  size_t longest_ = 0;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_VOCABULARY_H_
