#include "engine/decoder/weights.h"

#include <string>
#include <utility>
#include <vector>

#include "engine/decoder/weight_slots.h"
#include "engine/mixture/bind_mixture.h"
#include "engine/recurrent/bind_recurrent.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

constexpr std::string_view kTransposedReason = "stored transposed";

// A layer's tensors, for what binds them elsewhere.
class LayerTensors final : public TensorSource {
 public:
  LayerTensors(WeightSlots* slots, std::string prefix)
      : slots_(*slots), prefix_(std::move(prefix)) {}

  const TensorView* Find(const std::string& name) override { return slots_.Find(prefix_ + name); }
  WeightRows Weight(const std::string& name, const Shape& shape) override {
    return slots_.Weight(prefix_ + name, shape);
  }
  WeightRows Rearranged(const std::string& name, const Shape& shape, int64_t columns,
                        Rearrangement rearrange, std::string_view reason) override {
    return slots_.Rearranged(prefix_ + name, shape, columns, rearrange, reason);
  }
  const std::byte* Bytes(const std::string& name, const Shape& shape) override {
    return slots_.Bytes(prefix_ + name, shape);
  }
  void Fail(const absl::Status& status) override { slots_.Fail(status); }

 private:
  WeightSlots& slots_;
  const std::string prefix_;
};

// Binds slot after slot, in the order of execution.
class Binder {
 public:
  Binder(const DecoderSpec& spec, const Checkpoint& checkpoint, const BindOptions& options,
         LoadReport* report)
      : spec_(spec), slots_(spec.names, checkpoint, options.copy_weights, report) {}

  absl::StatusOr<BoundWeights> Bind() {
    const TensorNames& names = spec_.names;
    const std::string& base = names.base_prefix;
    const int64_t hidden = spec_.hidden_size;
    BoundWeights weights;
    weights.embedding =
        slots_.Weight(base + names.embedding + ".weight", {spec_.vocab_size, hidden});
    if (spec_.embedding.position_rows > 0) {
      weights.positions = slots_.Weight(base + names.positions + ".weight",
                                        {spec_.embedding.position_rows, hidden});
    }
    if (spec_.embedding.norm) weights.embedding_norm = Norm(base + names.embedding_norm);
    if (spec_.per_layer_input.enabled()) BindPerLayerInputs(&weights);
    weights.layers.reserve(static_cast<size_t>(spec_.num_hidden_layers));
    for (int64_t layer = 0; layer < spec_.num_hidden_layers; ++layer) {
      weights.layers.push_back(Layer(layer));
    }
    weights.final_norm = Norm(base + names.final_norm);
    weights.head = Head(weights.embedding);
    FIRSTLIGHT_RETURN_IF_ERROR(slots_.Finish());
    weights.copies = slots_.TakeCopies();
    return weights;
  }

 private:
  LayerWeights Layer(int64_t layer) {
    const TensorNames& names = spec_.names;
    const std::string prefix = StrCat(names.base_prefix, names.layer, layer, ".");
    const ResidualSpec& residual = spec_.residual;
    const LayerKind& kind = spec_.kind(layer);
    const bool mixes = kind.mixer != Mixer::kNone;
    LayerWeights w;
    if (mixes && residual.norm_before) w.input_norm = Norm(prefix + names.input_norm);
    if (kind.attends()) BindAttention(prefix, layer, &w);
    if (kind.recurs()) {
      LayerTensors tensors(&slots_, prefix);
      w.recurrent = BindRecurrent(spec_.recurrent, spec_.hidden_size, tensors);
    }
    if (mixes && residual.norm_after) {
      w.attention_output_norm = Norm(prefix + names.attention_output_norm);
    }
    if (!kind.feed_forward) return w;
    if (residual.feed_forward_norm()) {
      w.feed_forward_norm = Norm(prefix + names.feed_forward_norm);
    }
    if (spec_.mixture.IsMixture(layer)) {
      LayerTensors tensors(&slots_, prefix);
      w.mixture = BindMixture(spec_.mixture, spec_.hidden_size, tensors);
    }
    if (spec_.has_mlp(layer)) {
      BindFeedForward(prefix, spec_.intermediate_size_of(layer), &w);
    }
    if (residual.norm_after) {
      w.feed_forward_output_norm = Norm(prefix + names.feed_forward_output_norm);
    }
    if (spec_.per_layer_input.enabled()) {
      const auto& [size, rows, input] = spec_.per_layer_input;
      w.per_layer_input = {.gate = Linear(prefix + input.gate, size, spec_.hidden_size, false),
                           .up = Linear(prefix + input.up, spec_.hidden_size, size, false),
                           .output_norm = Norm(prefix + input.output_norm)};
    }
    if (residual.layer_scalar) w.scalar = slots_.Weight(prefix + names.layer_scalar, {1});
    return w;
  }

  void BindPerLayerInputs(BoundWeights* weights) {
    const auto& [size, rows, names] = spec_.per_layer_input;
    const std::string& base = spec_.names.base_prefix;
    const int64_t all = spec_.num_hidden_layers * size;
    weights->per_layer_embedding = slots_.Weight(base + names.embedding + ".weight", {rows, all});
    weights->per_layer_projection = Linear(base + names.projection, all, spec_.hidden_size, false);
    weights->per_layer_norm = Norm(base + names.norm, spec_.norm, {size});
  }

  void BindAttention(const std::string& prefix, int64_t layer, LayerWeights* w) {
    const TensorNames& names = spec_.names;
    const AttentionSpec& attention = spec_.attention;
    const int64_t hidden = spec_.hidden_size;
    const HeadSizes heads = spec_.heads(layer);
    const int64_t query = heads.query_size();
    const int64_t key_value = heads.key_size();
    const bool own_key_value = !spec_.shares_key_value(layer);
    if (spec_.latent.enabled()) {
      w->latent = Latent(prefix);
    } else if (attention.qkv_layout == QkvLayout::kSeparate) {
      const bool gated = attention.output_gate == OutputGate::kElements;
      w->query =
          Linear(prefix + names.query, gated ? 2 * query : query, hidden, attention.qkv_bias);
      if (own_key_value) {
        w->key = Linear(prefix + names.key, key_value, hidden, attention.qkv_bias);
      }
      if (own_key_value && !spec_.kind(layer).key_is_value) {
        w->value = Linear(prefix + names.value, key_value, hidden, attention.qkv_bias);
      }
    } else {
      w->query_key_value =
          Linear(prefix + names.query_key_value, query + 2 * key_value, hidden, attention.qkv_bias);
    }
    w->query_norm = QkNorm(prefix + names.query_norm, heads.num_attention_heads, heads.head_dim);
    if (own_key_value) {
      w->key_norm = QkNorm(prefix + names.key_norm, heads.num_key_value_heads, heads.head_dim);
    }
    if (attention.value_norm && own_key_value) w->value_norm.weight = Ones(heads.value_dim);
    if (attention.sinks) {
      w->sinks = slots_.Weight(prefix + names.sinks, {spec_.num_attention_heads});
    }
    if (attention.output_gate == OutputGate::kHeads) {
      const bool other = slots_.Find(prefix + names.other_output_gate + ".weight") != nullptr;
      w->output_gate = Linear(prefix + (other ? names.other_output_gate : names.output_gate),
                              heads.num_attention_heads, hidden, /*bias=*/false);
    }
    w->attention_output = Linear(prefix + names.attention_output, hidden, heads.attended_size(),
                                 attention.output_bias);
  }

  LatentWeights Latent(const std::string& prefix) {
    const LatentSpec& latent = spec_.latent;
    const LatentNames& names = latent.names;
    const int64_t hidden = spec_.hidden_size;
    const int64_t query = spec_.num_attention_heads * spec_.head_dim;
    const int64_t rope_dim = spec_.ropes[0].rotary_dim;
    const int64_t expanded =
        spec_.num_attention_heads * (spec_.head_dim - rope_dim + latent.value_dim);
    LatentWeights w;
    if (latent.query_rank == 0) {
      w.query = slots_.Weight(prefix + spec_.names.query + ".weight", {query, hidden});
    } else {
      const int64_t rank = latent.query_rank;
      w.query_a = slots_.Weight(prefix + names.query_a + ".weight", {rank, hidden});
      if (latent.bias) w.query_a_bias = slots_.Weight(prefix + names.query_a + ".bias", {rank});
      w.query_a_norm = slots_.Weight(prefix + names.query_a_norm + ".weight", {rank});
      w.query_b = slots_.Weight(prefix + names.query_b + ".weight", {query, rank});
    }
    const int64_t low = latent.rank + rope_dim;
    w.kv_a = slots_.Weight(prefix + names.kv_a + ".weight", {low, hidden});
    if (latent.bias) w.kv_a_bias = slots_.Weight(prefix + names.kv_a + ".bias", {low});
    w.kv_a_norm = slots_.Weight(prefix + names.kv_a_norm + ".weight", {latent.rank});
    w.kv_b = slots_.Weight(prefix + names.kv_b + ".weight", {expanded, latent.rank});
    return w;
  }

  void BindFeedForward(const std::string& prefix, int64_t size, LayerWeights* w) {
    const TensorNames& names = spec_.names;
    const FeedForwardSpec& feed_forward = spec_.feed_forward;
    const int64_t hidden = spec_.hidden_size;
    if (feed_forward.gated && feed_forward.layout == GateUpLayout::kConcatenated) {
      const LinearWeights both =
          Linear(prefix + names.gate_up, 2 * size, hidden, feed_forward.bias);
      w->gate = {SliceRows(both.weight, 0, size), SliceColumns(both.bias, 0, size)};
      w->up = {SliceRows(both.weight, size, size), SliceColumns(both.bias, size, size)};
    } else {
      if (feed_forward.gated) {
        w->gate = Linear(prefix + names.gate, size, hidden, feed_forward.bias);
      }
      w->up = Linear(prefix + names.up, size, hidden, feed_forward.bias);
    }
    if (feed_forward.activation == Activation::kXielu) {
      const std::string xielu = prefix + names.xielu;
      w->xielu.alpha_positive = slots_.Weight(xielu + "alpha_p", {1});
      w->xielu.alpha_negative = slots_.Weight(xielu + "alpha_n", {1});
      w->xielu.beta = slots_.Weight(xielu + "beta", {});
      w->xielu.eps = slots_.Weight(xielu + "eps", {});
    }
    w->down = Linear(prefix + names.down, hidden, size, feed_forward.bias);
  }

  LinearWeights Linear(const std::string& name, int64_t out, int64_t in, bool bias) {
    LinearWeights linear;
    linear.weight = spec_.transposed ? slots_.Rearranged(name + ".weight", {in, out}, in, Transpose,
                                                         kTransposedReason)
                                     : slots_.Weight(name + ".weight", {out, in});
    if (bias) linear.bias = slots_.Weight(name + ".bias", {out});
    return linear;
  }

  // Of the residual stream.
  NormWeights Norm(const std::string& name) { return Norm(name, spec_.norm, {spec_.hidden_size}); }

  NormWeights Norm(const std::string& name, const NormSpec& norm, const Shape& shape) {
    NormWeights w;
    w.weight = norm.weight ? slots_.Weight(name + ".weight", shape) : Ones(shape.back());
    if (norm.bias) w.bias = slots_.Weight(name + ".bias", shape);
    return w;
  }

  NormWeights QkNorm(const std::string& name, int64_t heads, int64_t head_dim) {
    const QkNormSpec& spec = spec_.attention.qk_norm;
    switch (spec.scope) {
      case QkNormScope::kNone:
        return {};
      case QkNormScope::kHead:
        return Norm(name, spec.norm, {head_dim});
      case QkNormScope::kProjection:
        return Norm(name, spec.norm, {heads * head_dim});
      case QkNormScope::kOwnHead:
        break;
    }
    if (spec.per_head_name.empty()) return Norm(name, spec.norm, {heads, head_dim});
    constexpr std::string_view kReason = "a tensor a head";
    std::vector<std::string> weights;
    std::vector<std::string> biases;
    for (int64_t head = 0; head < heads; ++head) {
      const std::string of_head = StrCat(name, spec.per_head_name, head);
      weights.push_back(of_head + ".weight");
      biases.push_back(of_head + ".bias");
    }
    NormWeights w;
    w.weight = slots_.Gathered(weights, head_dim, kReason);
    if (spec.norm.bias) w.bias = slots_.Gathered(biases, head_dim, kReason);
    return w;
  }

  // One row serves all norms without a weight.
  WeightRows Ones(int64_t columns) {
    if (ones_.columns < columns) ones_ = slots_.Ones(columns);
    return SliceColumns(ones_, 0, columns);
  }

  LinearWeights Head(const WeightRows& embedding) {
    const TensorNames& names = spec_.names;
    const std::string slot = names.head + ".weight";
    LinearWeights head;
    if (slots_.FindHead(slot) != nullptr || !spec_.head.tied) {
      head.weight = slots_.HeadWeight(slot, {spec_.vocab_size, spec_.hidden_size});
    } else {
      head.weight = embedding;
      slots_.Tie(slot, names.base_prefix + names.embedding + ".weight");
    }
    if (spec_.head.bias) head.bias = slots_.HeadWeight(names.head + ".bias", {spec_.vocab_size});
    return head;
  }

  const DecoderSpec& spec_;
  WeightSlots slots_;
  WeightRows ones_;
};

}  // namespace

absl::StatusOr<BoundWeights> BindWeights(const DecoderSpec& spec, const Checkpoint& checkpoint,
                                         const BindOptions& options, LoadReport* report) {
  *report = LoadReport();
  return Binder(spec, checkpoint, options, report).Bind();
}

const TensorView* FindEmbedding(const DecoderSpec& spec, const Checkpoint& checkpoint) {
  const TensorSpelling spelling(spec.names, checkpoint);
  return checkpoint.Find(
      spelling.Base(StrCat(spec.names.base_prefix, spec.names.embedding, ".weight")));
}

const TensorView* FindHead(const DecoderSpec& spec, const Checkpoint& checkpoint) {
  return checkpoint.Find(TensorSpelling(spec.names, checkpoint).Head(spec.names.head + ".weight"));
}

}  // namespace firstlight
