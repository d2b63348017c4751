#include "engine/kernels/attention.h"

#include <cstring>

namespace firstlight {

void StoreKeyValue(const AttentionBlocks& cache, int64_t position, const float* key,
                   const float* value) {
  const int64_t slot = position % kAttentionBlockPositions;
  const int64_t key_floats = cache.head_dim * kAttentionBlockPositions;
  const int64_t value_dim = cache.value_size();
  float* keys = cache.blocks[position / kAttentionBlockPositions] + cache.layer_offset;
  float* values = keys + cache.kv_heads * key_floats;
  for (int64_t head = 0; head < cache.kv_heads; ++head) {
    for (int64_t d = 0; d < cache.head_dim; ++d) {
      keys[d * kAttentionBlockPositions + slot] = key[d];
    }
    std::memcpy(values + slot * value_dim, value, value_dim * sizeof(float));
    keys += key_floats;
    values += value_dim * kAttentionBlockPositions;
    key += cache.head_dim;
    value += value_dim;
  }
}

}  // namespace firstlight
