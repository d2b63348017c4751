#include "engine/kv_cache/paged_cache.h"

#include <algorithm>

namespace firstlight {

bool PagedCache::Reserve(int64_t positions) {
  if (arena_ == nullptr) return true;
  const int64_t wanted = BlocksFor(positions);
  while (static_cast<int64_t>(blocks_.size()) < wanted) {
    float* const block = arena_->Allocate();
    if (block == nullptr) return false;
    blocks_.push_back(block);
  }
  return true;
}

int64_t PagedCache::BytesToReserve(int64_t positions) const {
  const auto held = static_cast<int64_t>(blocks_.size());
  return std::max<int64_t>(BlocksFor(positions) - held, 0) * BytesToGrow();
}

void PagedCache::ShareBlocks(const PagedCache& other, int64_t blocks) {
  if (arena_ == nullptr) return;
  blocks_.assign(other.blocks_.begin(), other.blocks_.begin() + blocks);
  for (float* const block : blocks_) arena_->Share(block);
}

void PagedCache::Release() {
  for (float* const block : blocks_) arena_->Free(block);
  blocks_.clear();
}

}  // namespace firstlight
