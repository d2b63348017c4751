#ifndef FIRSTLIGHT_ENGINE_KV_CACHE_CACHE_ARENAS_H_
#define FIRSTLIGHT_ENGINE_KV_CACHE_CACHE_ARENAS_H_

// Where the sequences of one model take their blocks from: an arena for each group of its layers
// that attend, and one for the states of those that recur (a block a sequence), all within the one
// budget of the process; and what a sequence of some length takes of it.
//
// Immutable but for what its arenas hold; any thread. Outlives the caches that use it.

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/kv_cache/block_pool.h"
#include "engine/kv_cache/cache_shape.h"

namespace firstlight {

class CacheArenas {
 public:
  // `pool` outlives it. Errors are those of BlockPool::CreateArena; RESOURCE_EXHAUSTED, too, when
  // one block of each group and a sequence's states do not fit the budget together.
  static absl::StatusOr<std::unique_ptr<CacheArenas>> Create(CacheShape shape, BlockPool* pool);

  const CacheShape& shape() const { return shape_; }
  BlockArena* arena(int64_t group) const { return arenas_[static_cast<size_t>(group)].get(); }

  // Null where no layer recurs.
  BlockArena* state_arena() const { return state_arena_.get(); }

  // Of one block of every group: kBlockTokens more positions take that at most.
  int64_t block_bytes() const { return block_bytes_; }

  // The most that a sequence holds at once, its states included, on its way to `positions`
  // positions, of which a pass computes `chunk` at most.
  int64_t PeakBytes(int64_t positions, int64_t chunk) const;

  // The most positions for which that is within the whole budget.
  int64_t MaxPositions(int64_t chunk) const;

 private:
  CacheArenas(CacheShape shape, int64_t capacity_bytes)
      : shape_(std::move(shape)), capacity_bytes_(capacity_bytes) {}
  // Of a sequence that would hold `blocks` blocks of each group if none were given back. A double,
  // as it is compared with numbers that it may exceed by far.
  double BytesOfBlocks(int64_t blocks, int64_t chunk) const;

  const CacheShape shape_;
  const int64_t capacity_bytes_;
  std::vector<std::unique_ptr<BlockArena>> arenas_;  // [groups]
  std::unique_ptr<BlockArena> state_arena_;
  int64_t block_bytes_ = 0;
  int64_t state_bytes_ = 0;  // of a block of state_arena_
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_KV_CACHE_CACHE_ARENAS_H_
