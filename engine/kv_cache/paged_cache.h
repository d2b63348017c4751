#ifndef FIRSTLIGHT_ENGINE_KV_CACHE_PAGED_CACHE_H_
#define FIRSTLIGHT_ENGINE_KV_CACHE_PAGED_CACHE_H_

// The keys and values of one sequence: a table of blocks, each holding kBlockTokens positions of
// every layer that attends.
//
// A block is float32, for each layer its keys (after rope) [num_key_value_heads, head_dim,
// kBlockTokens] and its values [num_key_value_heads, kBlockTokens, value_dim], as
// engine/kernels/attention.h reads them. Not thread safe: the engine thread grows and
// releases it; during a forward pass the workers write and read the positions of that pass.

#include <cstdint>
#include <limits>
#include <vector>

#include "absl/types/span.h"
#include "engine/kernels/attention.h"
#include "engine/kv_cache/block_pool.h"

namespace firstlight {

inline constexpr int64_t kBlockTokens = kAttentionBlockPositions;

struct CacheShape {
  int64_t layers = 0;  // that attend; 0: there are no blocks, and room for any number of positions
  int64_t num_key_value_heads = 0;
  int64_t head_dim = 0;
  int64_t value_dim = 0;  // of a value; 0: as a key

  int64_t layer_floats() const {
    return AttentionBlockFloats(num_key_value_heads, head_dim, value_dim);
  }
  int64_t block_floats() const { return layers * layer_floats(); }
  int64_t block_bytes() const { return block_floats() * static_cast<int64_t>(sizeof(float)); }
};

// Blocks that `positions` positions take.
inline int64_t BlocksFor(int64_t positions) {
  return (positions + kBlockTokens - 1) / kBlockTokens;
}

class PagedCache {
 public:
  // `arena` is null where no layer attends.
  PagedCache(const CacheShape& shape, BlockArena* arena) : shape_(shape), arena_(arena) {}
  ~PagedCache() { Release(); }
  PagedCache(const PagedCache&) = delete;
  PagedCache& operator=(const PagedCache&) = delete;

  // Makes room for positions [0, positions). False when the budget has no block left; what was
  // reserved before stays.
  bool Reserve(int64_t positions);

  // Takes the first `blocks` blocks of `other` too, whose contents neither may change from now on.
  // REQUIRES: this one holds none, `other` holds that many, both are of one arena.
  void ShareBlocks(const PagedCache& other, int64_t blocks);

  // Gives every block back; contents are lost, unless another cache shares them.
  void Release();

  int64_t reserved_positions() const {
    return arena_ == nullptr ? std::numeric_limits<int64_t>::max()
                             : static_cast<int64_t>(blocks_.size()) * kBlockTokens;
  }
  bool holds_memory() const { return !blocks_.empty(); }
  // What Reserve would take of the budget, and what one more block takes.
  int64_t BytesToReserve(int64_t positions) const;
  int64_t BytesToGrow() const { return arena_ == nullptr ? 0 : arena_->block_bytes(); }
  absl::Span<float* const> blocks() const { return blocks_; }
  const CacheShape& shape() const { return shape_; }

  // One layer of those that attend, as the kernels read and write it. Valid until Reserve or
  // Release.
  AttentionBlocks layer(int64_t index) const {
    return {.blocks = blocks_.data(),
            .layer_offset = index * shape_.layer_floats(),
            .kv_heads = shape_.num_key_value_heads,
            .head_dim = shape_.head_dim,
            .value_dim = shape_.value_dim};
  }

 private:
  const CacheShape shape_;
  BlockArena* const arena_;
  std::vector<float*> blocks_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_KV_CACHE_PAGED_CACHE_H_
