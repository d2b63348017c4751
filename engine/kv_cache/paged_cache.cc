#include "engine/kv_cache/paged_cache.h"

namespace firstlight {

bool PagedCache::Reserve(int64_t positions) {
  const int64_t wanted = BlocksFor(positions);
  while (static_cast<int64_t>(blocks_.size()) < wanted) {
    float* const block = arena_->Allocate();
    if (block == nullptr) return false;
    blocks_.push_back(block);
  }
  return true;
}

void PagedCache::ShareBlocks(const PagedCache& other, int64_t blocks) {
  blocks_.assign(other.blocks_.begin(), other.blocks_.begin() + blocks);
  for (float* const block : blocks_) arena_->Share(block);
}

void PagedCache::Release() {
  for (float* const block : blocks_) arena_->Free(block);
  blocks_.clear();
}

}  // namespace firstlight
