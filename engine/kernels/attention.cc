#include "engine/kernels/attention.h"

#include <cstring>

namespace firstlight {

void StoreKeyValue(const AttentionBlocks& cache, int64_t position, const float* key,
                   const float* value) {
  const int64_t slot = position % kAttentionBlockPositions;
  const int64_t head_floats = cache.head_dim * kAttentionBlockPositions;
  float* keys = cache.blocks[position / kAttentionBlockPositions] + cache.layer_offset;
  float* values = keys + cache.kv_heads * head_floats;
  for (int64_t head = 0; head < cache.kv_heads; ++head) {
    for (int64_t d = 0; d < cache.head_dim; ++d) {
      keys[d * kAttentionBlockPositions + slot] = key[d];
    }
    std::memcpy(values + slot * cache.head_dim, value, cache.head_dim * sizeof(float));
    keys += head_floats;
    values += head_floats;
    key += cache.head_dim;
    value += cache.head_dim;
  }
}

}  // namespace firstlight
