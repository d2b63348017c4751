#include "engine/kv_cache/state_block.h"

#include <cstring>
#include <utility>

namespace firstlight {

bool StateBlock::Reserve() {
  if (arena_ != nullptr && block_ == nullptr) block_ = arena_->Allocate();
  return arena_ == nullptr || block_ != nullptr;
}

int64_t StateBlock::MissingBytes() const {
  return arena_ == nullptr || block_ != nullptr ? 0 : arena_->block_bytes();
}

void StateBlock::CopyFrom(const StateBlock& other) {
  if (block_ == nullptr) return;
  std::memcpy(block_, other.block_, static_cast<size_t>(arena_->block_bytes()));
}

void StateBlock::Release() {
  if (block_ != nullptr) arena_->Free(std::exchange(block_, nullptr));
}

}  // namespace firstlight
