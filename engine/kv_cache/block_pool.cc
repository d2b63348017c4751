#include "engine/kv_cache/block_pool.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "absl/status/status.h"
#include "loader/base/strings.h"
#include "loader/drop_pages.h"

namespace firstlight {
namespace {

constexpr int64_t kWritableStepBytes = int64_t{64} << 20;

}  // namespace

BlockPool::BlockPool(int64_t capacity_bytes) : capacity_bytes_(capacity_bytes) {}

BlockPool::~BlockPool() = default;

absl::StatusOr<std::unique_ptr<BlockArena>> BlockPool::CreateArena(int64_t block_bytes) {
  const int64_t page = sysconf(_SC_PAGESIZE);
  if (block_bytes <= 0 || block_bytes > std::numeric_limits<int64_t>::max() - page) {
    return absl::InvalidArgumentError(
        StrCat("KV cache block: expected a positive size, found ", block_bytes, " bytes"));
  }
  const int64_t rounded = (block_bytes + page - 1) / page * page;
  const int64_t max_blocks = capacity_bytes_ / rounded;
  if (max_blocks == 0) {
    return absl::ResourceExhaustedError(StrCat("KV cache: a block of this model takes ", rounded,
                                               " bytes, the budget is ", capacity_bytes_,
                                               " bytes"));
  }
  void* const base = mmap(nullptr, static_cast<size_t>(max_blocks * rounded), PROT_NONE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) {
    return absl::ErrnoToStatus(
        errno, StrCat("KV cache: reserving ", max_blocks * rounded, " bytes of addresses"));
  }
  std::unique_ptr<BlockArena> arena(
      new BlockArena(this, rounded, max_blocks, static_cast<std::byte*>(base)));
  MutexLock lock(&mutex_);
  arenas_.push_back(arena.get());
  return arena;
}

int64_t BlockPool::used_bytes() const {
  MutexLock lock(&mutex_);
  return used_bytes_;
}

int64_t BlockPool::cached_bytes() const {
  MutexLock lock(&mutex_);
  return cached_bytes_;
}

bool BlockPool::MakeRoom(int64_t bytes) {
  if (used_bytes_ + bytes > capacity_bytes_) return false;
  for (BlockArena* const arena : arenas_) {
    while (used_bytes_ + cached_bytes_ + bytes > capacity_bytes_ && !arena->warm_.empty()) {
      // Microseconds, and the lock keeps the arena from being destroyed meanwhile.
      const int64_t index = arena->warm_.back();
      DropPages(arena->base_ + index * arena->block_bytes_,
                static_cast<size_t>(arena->block_bytes_));
      arena->warm_.pop_back();
      arena->cold_.push_back(index);
      cached_bytes_ -= arena->block_bytes_;
    }
  }
  return true;
}

BlockArena::BlockArena(BlockPool* pool, int64_t block_bytes, int64_t max_blocks, std::byte* base)
    : pool_(pool), block_bytes_(block_bytes), max_blocks_(max_blocks), base_(base) {}

BlockArena::~BlockArena() {
  {
    MutexLock lock(&pool_->mutex_);
    pool_->cached_bytes_ -= static_cast<int64_t>(warm_.size()) * block_bytes_;
    std::erase(pool_->arenas_, this);
  }
  DropPages(base_, static_cast<size_t>(writable_ * block_bytes_));
  munmap(base_, static_cast<size_t>(max_blocks_ * block_bytes_));
}

bool BlockArena::MakeWritable(int64_t index) {
  if (index < writable_) return true;
  // Adjacent steps are one mapping to the system.
  const int64_t blocks =
      std::min(std::max<int64_t>(kWritableStepBytes / block_bytes_, 1), max_blocks_ - writable_);
  if (mprotect(base_ + writable_ * block_bytes_, static_cast<size_t>(blocks * block_bytes_),
               PROT_READ | PROT_WRITE) != 0) {
    return false;
  }
  writable_ += blocks;
  return true;
}

float* BlockArena::Allocate() {
  MutexLock lock(&pool_->mutex_);
  int64_t index = 0;
  if (!warm_.empty()) {
    index = warm_.back();
    warm_.pop_back();
    pool_->cached_bytes_ -= block_bytes_;
  } else {
    if (!pool_->MakeRoom(block_bytes_)) return nullptr;
    if (!cold_.empty()) {
      index = cold_.back();
      cold_.pop_back();
    } else {
      // Room for a block means that fewer than max_blocks_ of this arena are in use.
      if (!MakeWritable(untouched_)) return nullptr;
      index = untouched_++;
      owners_.push_back(0);
    }
  }
  owners_[index] = 1;
  pool_->used_bytes_ += block_bytes_;
  return reinterpret_cast<float*>(base_ + index * block_bytes_);
}

int64_t BlockArena::IndexOf(const float* block) const {
  return (reinterpret_cast<const std::byte*>(block) - base_) / block_bytes_;
}

void BlockArena::Share(float* block) {
  MutexLock lock(&pool_->mutex_);
  ++owners_[IndexOf(block)];
}

void BlockArena::Free(float* block) {
  const int64_t index = IndexOf(block);
  MutexLock lock(&pool_->mutex_);
  if (--owners_[index] > 0) return;
  warm_.push_back(index);
  pool_->used_bytes_ -= block_bytes_;
  pool_->cached_bytes_ += block_bytes_;
}

}  // namespace firstlight
