#ifndef FIRSTLIGHT_ENGINE_KV_CACHE_PAGED_CACHE_H_
#define FIRSTLIGHT_ENGINE_KV_CACHE_PAGED_CACHE_H_

// The keys and values of one sequence: for each group of layers (cache_shape.h) a table of blocks,
// each holding kBlockTokens positions.
//
// Layers with a sliding window keep the blocks that it still sees and those that the next pass
// writes: what such a sequence holds is bounded, whatever its length. Blocks behind the window are
// missing from the table; no kernel looks there.
//
// Not thread safe: the engine thread grows and releases it; during a forward pass the workers write
// and read the positions of that pass.

#include <cstdint>
#include <vector>

#include "engine/kernels/attention.h"
#include "engine/kv_cache/cache_arenas.h"

namespace firstlight {

// What a sequence computes next: positions [first, end), at most `chunk` of them (1 or more) in a
// pass. Those before `first` are in the cache.
struct CacheSpan {
  int64_t first = 0;
  int64_t end = 0;
  int64_t chunk = 1;
};

class PagedCache {
 public:
  // `arenas` outlives it.
  explicit PagedCache(const CacheArenas* arenas);
  ~PagedCache() { Release(); }
  PagedCache(const PagedCache&) = delete;
  PagedCache& operator=(const PagedCache&) = delete;

  // Makes room for the next pass over `span`, and in the layers that see everything for all of it.
  // False when the budget has no block left; what was reserved before stays.
  bool Reserve(const CacheSpan& span);
  // What that would take.
  int64_t MissingBytes(const CacheSpan& span) const;

  // Gives back the blocks that no position from `position` on attends.
  void ReleaseBehind(int64_t position);

  // Takes the first `blocks` blocks of `other` too, as far as it has them, whose contents neither
  // may change from now on. REQUIRES: this one holds none, `other` has reserved that many, both are
  // of the same arenas.
  void ShareBlocks(const PagedCache& other, int64_t blocks);
  // Copies block `index` of every group. REQUIRES: both hold it.
  void CopyBlock(const PagedCache& other, int64_t index);

  // Gives every block back; contents are lost, unless another cache shares them.
  void Release();

  // Positions that a pass may write up to.
  int64_t reserved_positions() const;
  // Of the blocks that it holds, shared ones included.
  int64_t held_bytes() const;

  // One layer of it, as the kernels read and write it. Valid until the next change.
  AttentionBlocks layer(int64_t index) const;

 private:
  struct Table {
    std::vector<float*> blocks;  // null where they have been given back
    int64_t released = 0;        // the first so many have been
  };

  // Blocks that the group's table is to have for `span`.
  int64_t BlocksWanted(size_t group, const CacheSpan& span) const;

  const CacheArenas* const arenas_;
  std::vector<Table> tables_;  // [groups]
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_KV_CACHE_PAGED_CACHE_H_
