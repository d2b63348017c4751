#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_MERGE_TABLE_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_MERGE_TABLE_H_

// The merges of a byte-pair encoding: two adjacent tokens → their rank and the token they become,
// in one flat open-addressing table. Immutable once built; any thread may read it.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/tokenizer/image/image_reader.h"
#include "engine/tokenizer/image/image_writer.h"
#include "engine/tokenizer/image/table.h"

namespace firstlight {

struct Merge {
  static constexpr uint32_t kNoRank = 0xFFFFFFFF;

  // Lower ranks merge first. kNoRank: the two tokens do not merge.
  uint32_t rank = kNoRank;
  int32_t id = -1;
};

class MergeTable {
 public:
  struct Entry {
    int32_t left = 0;
    int32_t right = 0;
    Merge merge;
  };

  MergeTable() = default;

  // A merge given twice keeps the later one, as in `tokenizers`. INVALID_ARGUMENT for merges made
  // to collide.
  static absl::StatusOr<MergeTable> Create(const std::vector<Entry>& entries);

  void Save(ImageWriter& image) const { image.Write(slots_); }
  static MergeTable Load(ImageReader& image);

  Merge Find(int32_t left, int32_t right) const {
    const uint64_t key = Key(left, right);
    size_t slot = Hash(key);
    const size_t probes = std::min(slots_.size(), kMaxProbes);
    for (size_t probe = 0; probe < probes; ++probe, ++slot) {
      const Slot& candidate = slots_[slot & mask_];
      if (candidate.key == key) {
        return candidate.merge;
      }
      if (candidate.key == kEmpty) {
        break;
      }
    }
    return {};
  }

  size_t memory_bytes() const { return slots_.memory_bytes(); }

 private:
  // A table two thirds full of random hashes has no run of this length; one made to collide does,
  // and an image that has been damaged may have nothing else.
  static constexpr size_t kMaxProbes = 4096;
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

  explicit MergeTable(Table<Slot> slots) : slots_(std::move(slots)), mask_(slots_.size() - 1) {}

  Table<Slot> slots_;  // A power of two, or none.
  size_t mask_ = 0;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_MERGE_TABLE_H_
