#ifndef FIRSTLIGHT_ENGINE_KV_CACHE_BLOCK_POOL_H_
#define FIRSTLIGHT_ENGINE_KV_CACHE_BLOCK_POOL_H_

// The one budget of key/value cache memory of the process, and an arena of equal blocks for each
// model within it.
//
// An arena reserves addresses, not memory: they become writable, and count against what the system
// lets a process commit, 64 MiB at a time, and a block costs memory from its first use on. So two
// hundred models, of which each could use the whole budget, commit nothing before they do. Blocks
// that are free again keep their pages for the next use by the same model until another arena
// needs the budget; then they are given back to the system (MADV_DONTNEED). So
// used_bytes() + cached_bytes() <= capacity_bytes(), and resident memory follows that sum.
//
// Threads: all methods may be called from any thread. Ownership: an arena must not outlive its
// pool; blocks must be freed before their arena is destroyed.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "loader/base/mutex.h"

namespace firstlight {

class BlockArena;

class BlockPool {
 public:
  explicit BlockPool(int64_t capacity_bytes);
  ~BlockPool();

  // An arena whose blocks have `block_bytes` each (rounded up to pages inside).
  // RESOURCE_EXHAUSTED when not even one block fits the budget or the address space is refused.
  absl::StatusOr<std::unique_ptr<BlockArena>> CreateArena(int64_t block_bytes);

  int64_t capacity_bytes() const { return capacity_bytes_; }
  // Of blocks in use.
  int64_t used_bytes() const;
  // Of free blocks that keep their pages.
  int64_t cached_bytes() const;

 private:
  friend class BlockArena;

  // Gives free blocks' pages back until `bytes` more fit the budget. False when they cannot.
  bool MakeRoom(int64_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const int64_t capacity_bytes_;
  mutable Mutex mutex_;
  int64_t used_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t cached_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<BlockArena*> arenas_ ABSL_GUARDED_BY(mutex_);
};

class BlockArena {
 public:
  ~BlockArena();

  // A block of block_bytes() with undefined contents and one owner, or nullptr when the budget is
  // used up.
  float* Allocate();
  // One more owner of a block in use. Owners only read what they share.
  void Share(float* block);
  // One owner less. The block is free when it has none.
  void Free(float* block);

  int64_t block_bytes() const { return block_bytes_; }
  // How many blocks the whole budget would hold if no other arena used any of it.
  int64_t max_blocks() const { return max_blocks_; }

 private:
  friend class BlockPool;
  BlockArena(BlockPool* pool, int64_t block_bytes, int64_t max_blocks, std::byte* base);

  BlockPool* const pool_;
  const int64_t block_bytes_;
  const int64_t max_blocks_;
  std::byte* const base_;
  int64_t IndexOf(const float* block) const;
  // Makes blocks up to and including `index` writable. False when the system refuses.
  bool MakeWritable(int64_t index);

  // Blocks not in use, by index: `warm_` still have their pages, `cold_` have none any more, those
  // from `untouched_` on never had. Guarded by pool_->mutex_.
  std::vector<int64_t> warm_;
  std::vector<int64_t> cold_;
  int64_t untouched_ = 0;
  int64_t writable_ = 0;
  std::vector<int32_t> owners_;  // [untouched_], of each block
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_KV_CACHE_BLOCK_POOL_H_
