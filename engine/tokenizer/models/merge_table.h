#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_MERGE_TABLE_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_MERGE_TABLE_H_

// The merges of a byte-pair encoding: two adjacent tokens → their rank and the token they become,
// in one flat open-addressing table. Immutable once built; any thread may read it.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"

namespace firstlight {

struct Merge {
  static constexpr uint32_t kNoRank = 0xFFFFFFFF;

  // Lower ranks merge first. kNoRank: the two tokens do not merge.
  uint32_t rank = kNoRank;
  int32_t id = -1;
};

class MergeTable {
 public:
  MergeTable() = default;
  // For `merges` merges, all of which are then inserted.
  explicit MergeTable(size_t merges);

  // A merge given twice keeps the later rank, as in `tokenizers`. INVALID_ARGUMENT for merges made
  // to collide.
  absl::Status Insert(int32_t left, int32_t right, Merge merge);

  Merge Find(int32_t left, int32_t right) const {
    const uint64_t key = Key(left, right);
    for (size_t slot = Hash(key) & mask_;; slot = (slot + 1) & mask_) {
      const Slot& candidate = slots_[slot];
      if (candidate.key == key) {
        return candidate.merge;
      }
      if (candidate.key == kEmpty) {
        return Merge();
      }
    }
  }

  size_t memory_bytes() const { return slots_.capacity() * sizeof(Slot); }

 private:
  // No pair of ids, which are not negative, has this key.
  static constexpr uint64_t kEmpty = ~uint64_t{0};

  struct Slot {
    uint64_t key = kEmpty;
    Merge merge;
  };

  static uint64_t Key(int32_t left, int32_t right) {
    return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
  }
  static size_t Hash(uint64_t key) {
    key *= 0x9E3779B97F4A7C15ULL;
    return key ^ (key >> 32);
  }

  std::vector<Slot> slots_ = std::vector<Slot>(1);
  size_t mask_ = 0;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_MERGE_TABLE_H_
