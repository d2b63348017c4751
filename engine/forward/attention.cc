#include <cmath>
#include <cstring>

#include "engine/forward/state.h"
#include "engine/weight_slots.h"

namespace firstlight {

// delta = output(attention(query, key, value of the packed input)).
void ForwardPass::State::Attend(int64_t layer) {
  const LayerWeights& w = weights.layers[static_cast<size_t>(layer)];
  const AttentionSpec& attention_spec = spec.attention;
  const int64_t size = projected_size();
  if (spec.latent.enabled()) {
    ProjectLatent(layer);
  } else if (attention_spec.qkv_layout == QkvLayout::kSeparate) {
    float* const query = activations.projected;
    float* const key = query + spec.query_size();
    float* const value = key + spec.key_value_size();
    const OutputGate gate = attention_spec.output_gate;
    if (gate == OutputGate::kNone) {
      Multiply({Product(w.query, query, size), Product(w.key, key, size),
                Product(w.value, value, size)});
    } else if (gate == OutputGate::kElements) {
      Multiply({Product(w.query, activations.grouped, 2 * spec.query_size()),
                Product(w.key, key, size), Product(w.value, value, size)});
    } else {
      Multiply({Product(w.query, query, size), Product(w.key, key, size),
                Product(w.value, value, size),
                Product(w.output_gate, activations.grouped, spec.num_attention_heads)});
    }
  } else {
    float* const output = attention_spec.qkv_layout == QkvLayout::kConcatenated
                              ? activations.projected
                              : activations.grouped;
    Multiply({Product(w.query_key_value, output, size)});
  }
  ForRows(tokens, size, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      if (!spec.latent.enabled()) PrepareQueryKeyValue(layer, t);
      StoreRow(layer, t);
    }
  });
  AttendHeads(layer);
  if (attention_spec.output_gate != OutputGate::kNone) {
    ForRows(tokens, 16 * spec.attended_size(), [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) GateOutput(t);
    });
  }
  Pack(activations.attended, spec.attended_size());
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
  float* const query = activations.projected + row * projected_size();
  float* const key = query + spec.query_size();
  const QkNormSpec& qk_norm = attention_spec.qk_norm;
  const bool norms = qk_norm.scope != QkNormScope::kNone;
  if (norms && !qk_norm.after_rope) {
    NormHeads(w.query_norm, spec.num_attention_heads, query);
    NormHeads(w.key_norm, spec.num_key_value_heads, key);
  }
  if (attention_spec.clip > 0.0) {
    const auto clip = static_cast<float>(attention_spec.clip);
    for (int64_t i = 0; i < projected_size(); ++i) query[i] = std::clamp(query[i], -clip, clip);
  }
  const int64_t index = spec.kind(layer).rope;
  if (index >= 0) {
    const RopeSpec& rope = spec.ropes[static_cast<size_t>(index)];
    const int64_t offset = row * spec.rotary_pairs() + RopeOffset(index);
    const float* const cosine = activations.cosine + offset;
    const float* const sine = activations.sine + offset;
    kernels.rope(query, spec.num_attention_heads, spec.head_dim, rope.rotary_dim, cosine, sine,
                 rope.pairing);
    kernels.rope(key, spec.num_key_value_heads, spec.head_dim, rope.rotary_dim, cosine, sine,
                 rope.pairing);
  }
  if (norms && qk_norm.after_rope) {
    NormHeads(w.query_norm, spec.num_attention_heads, query);
    NormHeads(w.key_norm, spec.num_key_value_heads, key);
  }
  if (attention_spec.temperature_beta != 0.0) ScaleQuery(row, query);
}

// A row's key and value go to the cache.
void ForwardPass::State::StoreRow(int64_t layer, int64_t row) {
  const TokenRow& token = rows[static_cast<size_t>(row)];
  const float* const key = activations.projected + row * projected_size() + spec.query_size();
  StoreKeyValue(token.segment->cache->layer(attention_place[static_cast<size_t>(layer)]),
                token.position, key, key + spec.key_value_size());
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
                .projected_stride = projected_size(),
                .buffer = activations.latent,
                .scratch = activations.scratch(0)});
}

// From groups of heads, each with its queries, keys and values, to all queries, all keys, all
// values.
void ForwardPass::State::Ungroup(int64_t row) {
  const bool quarters = spec.attention.qkv_layout == QkvLayout::kQuarters;
  const int64_t groups = quarters ? 4 : spec.num_key_value_heads;
  const int64_t queries = spec.query_size() / groups;
  const int64_t keys = spec.key_value_size() / groups;
  const float* from = activations.grouped + row * projected_size();
  float* query = activations.projected + row * projected_size();
  float* key = query + spec.query_size();
  float* value = key + spec.key_value_size();
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
  const int64_t head_dim = spec.head_dim;
  float* const both = activations.grouped + row * 2 * spec.query_size();
  float* const query = activations.projected + row * projected_size();
  const auto bytes = static_cast<size_t>(head_dim) * sizeof(float);
  for (int64_t head = 0; head < spec.num_attention_heads; ++head) {
    std::memcpy(query + head * head_dim, both + 2 * head * head_dim, bytes);
    // The one before has been read: gates move down only.
    std::memmove(both + head * head_dim, both + (2 * head + 1) * head_dim, bytes);
  }
}

void ForwardPass::State::GateOutput(int64_t row) {
  float* const attended = activations.attended + row * spec.attended_size();
  if (spec.attention.output_gate == OutputGate::kElements) {
    MultiplyBySigmoid(kernels, activations.grouped + row * 2 * spec.query_size(),
                      spec.attended_size(), attended);
    return;
  }
  const float* const gates = activations.grouped + row * spec.num_attention_heads;
  for (int64_t head = 0; head < spec.num_attention_heads; ++head) {
    float factor = 1.0F;
    MultiplyBySigmoid(kernels, gates + head, 1, &factor);
    float* const output = attended + head * spec.value_dim();
    for (int64_t i = 0; i < spec.value_dim(); ++i) output[i] *= factor;
  }
}

void ForwardPass::State::NormHeads(const NormWeights& norm_weights, int64_t heads, float* data) {
  const QkNormSpec& qk_norm = spec.attention.qk_norm;
  const int64_t head_dim = spec.head_dim;
  if (qk_norm.scope == QkNormScope::kProjection) {
    Norm(qk_norm.norm, norm_weights, data, heads * head_dim, data);
    return;
  }
  for (int64_t head = 0; head < heads; ++head) {
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
  for (int64_t i = 0; i < spec.query_size(); ++i) query[i] *= scale;
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
  const int64_t kv_heads = spec.num_key_value_heads;
  const int64_t tasks = static_cast<int64_t>(attention.size()) * kv_heads;
  const int64_t chunk = std::max<int64_t>(1, tasks / (int64_t{16} * workers.threads()));
  workers.ParallelFor(tasks, chunk, [&](int64_t begin, int64_t end, int /*worker*/) {
    for (int64_t task = begin; task < end; ++task) {
      const AttentionRows& group = attention[static_cast<size_t>(task / kv_heads)];
      AttentionArgs args;
      args.query = activations.projected + group.first_row * projected_size();
      args.query_stride = projected_size();
      args.output = activations.attended + group.first_row * spec.attended_size();
      args.output_stride = spec.attended_size();
      args.rows = group.rows;
      args.first_position = group.first_position;
      args.cache = group.segment->cache->layer(attention_place[static_cast<size_t>(layer)]);
      args.heads = spec.num_attention_heads;
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
