#include "engine/tokenizer/models/merge_table.h"

#include <algorithm>
#include <bit>

namespace firstlight {

absl::StatusOr<MergeTable> MergeTable::Create(const std::vector<Entry>& entries) {
  // A third to two thirds full: a probe more than in a roomier table, and half the cache misses.
  std::vector<Slot> slots(std::bit_ceil(std::max<size_t>(entries.size() + entries.size() / 2, 2)));
  const size_t mask = slots.size() - 1;
  for (const Entry& entry : entries) {
    const uint64_t key = Key(entry.left, entry.right);
    size_t slot = Hash(key) & mask;
    size_t probes = 0;
    while (slots[slot].key != kEmpty && slots[slot].key != key) {
      if (++probes == kMaxProbes) {
        return absl::InvalidArgumentError("the merges are made to collide in a hash table");
      }
      slot = (slot + 1) & mask;
    }
    slots[slot] = {.key = key, .merge = entry.merge};
  }
  return MergeTable(Table<Slot>(std::move(slots)));
}

MergeTable MergeTable::Load(ImageReader& image) {
  Table<Slot> slots = image.ReadTable<Slot>();
  if (!std::has_single_bit(slots.size())) {
    image.Fail("a table of merges");
    return {};
  }
  return MergeTable(std::move(slots));
}

}  // namespace firstlight
