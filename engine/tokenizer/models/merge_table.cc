#include "engine/tokenizer/models/merge_table.h"

#include <algorithm>
#include <bit>

namespace firstlight {
namespace {

// A table half full of random hashes has no run of this length; one made to collide does.
constexpr size_t kMaxProbes = 4096;

}  // namespace

MergeTable::MergeTable(size_t merges)
    : slots_(std::bit_ceil(std::max<size_t>(merges * 2, 2))), mask_(slots_.size() - 1) {}

absl::Status MergeTable::Insert(int32_t left, int32_t right, Merge merge) {
  const uint64_t key = Key(left, right);
  size_t slot = Hash(key) & mask_;
  for (size_t probe = 0; probe < kMaxProbes; ++probe) {
    if (slots_[slot].key == kEmpty || slots_[slot].key == key) {
      slots_[slot] = {.key = key, .merge = merge};
      return absl::OkStatus();
    }
    slot = (slot + 1) & mask_;
  }
  return absl::InvalidArgumentError("the merges are made to collide in a hash table");
}

}  // namespace firstlight
