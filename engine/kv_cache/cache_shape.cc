#include "engine/kv_cache/cache_shape.h"

#include <algorithm>

namespace firstlight {

CacheShape MakeCacheShape(const DecoderSpec& spec) {
  CacheShape shape;
  if (const int64_t recurring = spec.RecurrentLayers(spec.num_hidden_layers); recurring > 0) {
    shape.state_floats = recurring * LayerStateFloats(spec.recurrent);
  }
  for (int64_t layer = 0; layer < spec.num_hidden_layers; ++layer) {
    if (!spec.kind(layer).attends()) {
      shape.layers.emplace_back();
      continue;
    }
    if (const int64_t owner = spec.key_value_layer(layer); owner != layer) {
      shape.layers.push_back(shape.layers[static_cast<size_t>(owner)]);
      continue;
    }
    const int64_t window = spec.kind(layer).window;
    auto group = std::find_if(shape.groups.begin(), shape.groups.end(),
                              [window](const CacheGroup& g) { return g.window == window; });
    if (group == shape.groups.end()) {
      group = shape.groups.insert(group, {.window = window, .block_floats = 0});
    }
    const HeadSizes heads = spec.heads(layer);
    shape.layers.push_back({.group = group - shape.groups.begin(),
                            .offset = group->block_floats,
                            .kv_heads = heads.num_key_value_heads,
                            .head_dim = heads.head_dim,
                            .value_dim = heads.value_dim});
    group->block_floats +=
        AttentionBlockFloats(heads.num_key_value_heads, heads.head_dim, heads.value_dim);
  }
  return shape;
}

}  // namespace firstlight
