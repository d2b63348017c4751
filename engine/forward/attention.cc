#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "engine/decoder/weight_slots.h"
#include "engine/forward/state.h"

namespace firstlight {

// delta = output(attention(query, key, value of the packed input)).
void ForwardPass::State::Attend(int64_t layer) {
  const LayerWeights& w = weights.layers[static_cast<size_t>(layer)];
  const AttentionSpec& attention_spec = spec.attention;
  heads = spec.heads(layer);
  const int64_t size = heads.projected_size();
  const bool own_key_value = !spec.shares_key_value(layer);
  if (spec.latent.enabled()) {
    ProjectLatent(layer);
  } else if (attention_spec.qkv_layout == QkvLayout::kSeparate) {
    float* const query = activations.projected;
    float* const key = query + heads.query_size();
    float* const value = key + heads.key_size();
    std::vector<ProductArgs> products = {
        attention_spec.output_gate == OutputGate::kElements
            ? Product(w.query, activations.grouped, 2 * heads.query_size())
            : Product(w.query, query, size)};
    if (own_key_value) products.push_back(Product(w.key, key, size));
    if (w.value.weight.data != nullptr) products.push_back(Product(w.value, value, size));
    if (attention_spec.output_gate == OutputGate::kHeads) {
      products.push_back(Product(w.output_gate, activations.grouped, heads.num_attention_heads));
    }
    Multiply(products);
  } else {
    float* const output = attention_spec.qkv_layout == QkvLayout::kConcatenated
                              ? activations.projected
                              : activations.grouped;
    Multiply({Product(w.query_key_value, output, size)});
  }
  ForRows(tokens, size, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      if (!spec.latent.enabled()) PrepareQueryKeyValue(layer, t);
      if (own_key_value) StoreRow(layer, t);
    }
  });
  AttendHeads(layer);
  if (attention_spec.output_gate != OutputGate::kNone) {
    ForRows(tokens, 16 * heads.attended_size(), [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) GateOutput(t);
    });
  }
  Pack(activations.attended, heads.attended_size());
  Multiply({Product(w.attention_output, activations.delta, spec.hidden_size)});
}

// From what the projections gave to what attends: normed, clipped, turned by the position's angles.
void ForwardPass::State::PrepareQueryKeyValue(int64_t layer, int64_t row) {
  const LayerWeights& w = weights.layers[static_cast<size_t>(layer)];
  const AttentionSpec& attention_spec = spec.attention;
  if (attention_spec.qkv_layout == QkvLayout::kGrouped ||
      attention_spec.qkv_layout == QkvLayout::kQuarters) {
    Ungroup(row);
  }
  if (attention_spec.output_gate == OutputGate::kElements) PartQueryAndGate(row);
  const bool own_key_value = !spec.shares_key_value(layer);
  float* const query = activations.projected + row * heads.projected_size();
  float* const key = query + heads.query_size();
  float* const value = key + heads.key_size();
  if (own_key_value && spec.kind(layer).key_is_value) std::copy(key, value, value);
  const QkNormSpec& qk_norm = attention_spec.qk_norm;
  const bool norms = qk_norm.scope != QkNormScope::kNone;
  if (norms && !qk_norm.after_rope) {
    NormHeads(w.query_norm, heads.num_attention_heads, query);
    if (own_key_value) NormHeads(w.key_norm, heads.num_key_value_heads, key);
  }
  if (attention_spec.clip > 0.0) {
    const auto clip = static_cast<float>(attention_spec.clip);
    const int64_t size = own_key_value ? heads.projected_size() : heads.query_size();
    for (int64_t i = 0; i < size; ++i) query[i] = std::clamp(query[i], -clip, clip);
  }
  if (attention_spec.value_norm && own_key_value) {
    for (int64_t head = 0; head < heads.num_key_value_heads; ++head) {
      float* const at = value + head * heads.value_dim;
      Norm(qk_norm.norm, w.value_norm, at, heads.value_dim, at);
    }
  }
  const int64_t index = spec.kind(layer).rope;
  if (index >= 0) {
    const RopeSpec& rope = spec.ropes[static_cast<size_t>(index)];
    const int64_t offset = row * spec.rotary_pairs() + RopeOffset(index);
    const float* const cosine = activations.cosine + offset;
    const float* const sine = activations.sine + offset;
    kernels.rope(query, heads.num_attention_heads, heads.head_dim, rope.rotary_dim, cosine, sine,
                 rope.pairing);
    if (own_key_value) {
      kernels.rope(key, heads.num_key_value_heads, heads.head_dim, rope.rotary_dim, cosine, sine,
                   rope.pairing);
    }
  }
  if (norms && qk_norm.after_rope) {
    NormHeads(w.query_norm, heads.num_attention_heads, query);
    if (own_key_value) NormHeads(w.key_norm, heads.num_key_value_heads, key);
  }
  if (attention_spec.temperature_beta != 0.0) ScaleQuery(row, query);
}

// A row's key and value go to the cache.
void ForwardPass::State::StoreRow(int64_t layer, int64_t row) {
  const TokenRow& token = rows[static_cast<size_t>(row)];
  const float* const key =
      activations.projected + row * heads.projected_size() + heads.query_size();
  StoreKeyValue(token.segment->cache->layer(layer), token.position, key, key + heads.key_size());
}

void ForwardPass::State::ProjectLatent(int64_t layer) {
  const RopeSpec& rope = spec.ropes[0];
  LatentPass(&spec.latent, {spec.num_attention_heads, spec.head_dim, rope.rotary_dim}, &kernels,
             &workers)
      .Project({.weights = &weights.layers[static_cast<size_t>(layer)].latent,
                .tokens = tokens,
                .packed = activations.packed,
                .pairing = rope.pairing,
                .cosine = activations.cosine,
                .sine = activations.sine,
                .angle_stride = spec.rotary_pairs(),
                .projected = activations.projected,
                .projected_stride = heads.projected_size(),
                .buffer = activations.latent,
                .scratch = activations.scratch(0)});
}

// From groups of heads, each with its queries, keys and values, to all queries, all keys, all
// values.
void ForwardPass::State::Ungroup(int64_t row) {
  const bool quarters = spec.attention.qkv_layout == QkvLayout::kQuarters;
  const int64_t groups = quarters ? 4 : heads.num_key_value_heads;
  const int64_t queries = heads.query_size() / groups;
  const int64_t keys = heads.key_size() / groups;
  const float* from = activations.grouped + row * heads.projected_size();
  float* query = activations.projected + row * heads.projected_size();
  float* key = query + heads.query_size();
  float* value = key + heads.key_size();
  const auto take = [&from](int64_t count, float** to) {
    std::memcpy(*to, from, static_cast<size_t>(count) * sizeof(float));
    from += count;
    *to += count;
  };
  for (int64_t group = 0; group < groups; ++group) {
    take(queries, &query);
    take(keys, quarters ? &value : &key);
    take(keys, quarters ? &key : &value);
  }
}

// From heads, each with its query and its gate, to all queries, and all gates behind each other.
void ForwardPass::State::PartQueryAndGate(int64_t row) {
  const int64_t head_dim = heads.head_dim;
  float* const both = activations.grouped + row * 2 * heads.query_size();
  float* const query = activations.projected + row * heads.projected_size();
  const auto bytes = static_cast<size_t>(head_dim) * sizeof(float);
  for (int64_t head = 0; head < heads.num_attention_heads; ++head) {
    std::memcpy(query + head * head_dim, both + 2 * head * head_dim, bytes);
    // The one before has been read: gates move down only.
    std::memmove(both + head * head_dim, both + (2 * head + 1) * head_dim, bytes);
  }
}

void ForwardPass::State::GateOutput(int64_t row) {
  float* const attended = activations.attended + row * heads.attended_size();
  if (spec.attention.output_gate == OutputGate::kElements) {
    MultiplyBySigmoid(kernels, activations.grouped + row * 2 * heads.query_size(),
                      heads.attended_size(), attended);
    return;
  }
  const float* const gates = activations.grouped + row * heads.num_attention_heads;
  for (int64_t head = 0; head < heads.num_attention_heads; ++head) {
    float factor = 1.0F;
    MultiplyBySigmoid(kernels, gates + head, 1, &factor);
    float* const output = attended + head * heads.value_dim;
    for (int64_t i = 0; i < heads.value_dim; ++i) output[i] *= factor;
  }
}

void ForwardPass::State::NormHeads(const NormWeights& norm_weights, int64_t count, float* data) {
  const QkNormSpec& qk_norm = spec.attention.qk_norm;
  const int64_t head_dim = heads.head_dim;
  if (qk_norm.scope == QkNormScope::kProjection) {
    Norm(qk_norm.norm, norm_weights, data, count * head_dim, data);
    return;
  }
  for (int64_t head = 0; head < count; ++head) {
    float* const at = data + head * head_dim;
    if (qk_norm.scope == QkNormScope::kHead) {
      Norm(qk_norm.norm, norm_weights, at, head_dim, at);
    } else {
      const NormWeights own = {SliceRows(norm_weights.weight, head, 1),
                               SliceRows(norm_weights.bias, head, 1)};
      Norm(qk_norm.norm, own, at, head_dim, at);
    }
  }
}

void ForwardPass::State::ScaleQuery(int64_t row, float* query) {
  const AttentionSpec& attention_spec = spec.attention;
  const int64_t periods =
      rows[static_cast<size_t>(row)].position / attention_spec.temperature_positions;
  const float scale = 1.0F + static_cast<float>(attention_spec.temperature_beta) *
                                 std::log(1.0F + static_cast<float>(periods));
  for (int64_t i = 0; i < heads.query_size(); ++i) query[i] *= scale;
}

int64_t ForwardPass::State::RopeOffset(int64_t rope) const {
  int64_t offset = 0;
  for (int64_t i = 0; i < rope; ++i) offset += spec.ropes[static_cast<size_t>(i)].rotary_dim / 2;
  return offset;
}

// attended = softmax(scale * query key^T) value, each row over the positions that it sees.
void ForwardPass::State::AttendHeads(int64_t layer) {
  const WeightRows& stored_sinks = weights.layers[static_cast<size_t>(layer)].sinks;
  if (stored_sinks.data != nullptr) {
    sinks.resize(static_cast<size_t>(spec.num_attention_heads));
    kernels.widen_row(stored_sinks.data, stored_sinks.type, spec.num_attention_heads, 1.0F,
                      sinks.data());
  }
  const int64_t kv_heads = heads.num_key_value_heads;
  const int64_t tasks = static_cast<int64_t>(attention.size()) * kv_heads;
  const int64_t chunk = std::max<int64_t>(1, tasks / (int64_t{16} * workers.threads()));
  workers.ParallelFor(tasks, chunk, [&](int64_t begin, int64_t end, int /*worker*/) {
    for (int64_t task = begin; task < end; ++task) {
      const AttentionRows& group = attention[static_cast<size_t>(task / kv_heads)];
      AttentionArgs args;
      args.query = activations.projected + group.first_row * heads.projected_size();
      args.query_stride = heads.projected_size();
      args.output = activations.attended + group.first_row * heads.attended_size();
      args.output_stride = heads.attended_size();
      args.rows = group.rows;
      args.first_position = group.first_position;
      args.cache = group.segment->cache->layer(layer);
      args.heads = heads.num_attention_heads;
      args.scale = static_cast<float>(spec.attention.scale);
      args.window = spec.kind(layer).window;
      args.soft_cap = static_cast<float>(spec.attention.soft_cap);
      args.sinks = sinks.empty() ? nullptr : sinks.data();
      args.alibi_slopes = alibi_slopes.empty() ? nullptr : alibi_slopes.data();
      kernels.attention(args, task % kv_heads, task % kv_heads + 1);
    }
  });
}

}  // namespace firstlight
