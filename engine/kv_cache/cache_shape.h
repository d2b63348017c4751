#ifndef FIRSTLIGHT_ENGINE_KV_CACHE_CACHE_SHAPE_H_
#define FIRSTLIGHT_ENGINE_KV_CACHE_CACHE_SHAPE_H_

// How a model's keys and values lie in blocks of the cache, and what its states take beside them.
//
// Layers that see equally far form a group, which has blocks of its own: those of a sliding window
// are given back when it has passed them, those of the layers that see everything stay. A block
// holds kBlockTokens positions of each layer of its group.
//
// A block is float32, for each layer of the group its keys (after rope) [kv_heads, head_dim,
// kBlockTokens] and its values [kv_heads, kBlockTokens, value_dim], as engine/kernels/attention.h
// reads them. A layer that attends another's keys and values has that one's place; one that does
// not attend has none.

#include <cstdint>
#include <vector>

#include "engine/decoder/decoder_spec.h"
#include "engine/kernels/attention.h"

namespace firstlight {

inline constexpr int64_t kBlockTokens = kAttentionBlockPositions;

// Blocks that `positions` positions take.
inline int64_t BlocksFor(int64_t positions) {
  return (positions + kBlockTokens - 1) / kBlockTokens;
}

struct CacheGroup {
  int64_t window = 0;  // positions that its layers attend, the row's own included; 0: all
  int64_t block_floats = 0;

  int64_t block_bytes() const { return block_floats * static_cast<int64_t>(sizeof(float)); }
};

// A layer's place.
struct CacheLayer {
  int64_t group = 0;   // index into CacheShape::groups
  int64_t offset = 0;  // floats from a block's start
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
  int64_t value_dim = 0;
};

struct CacheShape {
  std::vector<CacheGroup> groups;  // none where no layer attends
  std::vector<CacheLayer> layers;  // [num_hidden_layers]
  int64_t state_floats = 0;        // of all layers that recur, one behind the other

  int64_t state_bytes() const { return state_floats * static_cast<int64_t>(sizeof(float)); }
};

CacheShape MakeCacheShape(const DecoderSpec& spec);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_KV_CACHE_CACHE_SHAPE_H_
