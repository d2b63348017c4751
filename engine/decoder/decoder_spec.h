#ifndef FIRSTLIGHT_ENGINE_DECODER_DECODER_SPEC_H_
#define FIRSTLIGHT_ENGINE_DECODER_DECODER_SPEC_H_

// What distinguishes one decoder from another, as data. A family's file in engine/architectures/
// turns config.json into a DecoderSpec; one decoder (engine/decoder/decoder.h) runs every spec.
//
// Every field is validated by who makes the spec: sizes are positive and bounded so that products
// of a few of them fit in int64_t, num_attention_heads is a multiple of num_key_value_heads, and
// every index into `layer_kinds` and `ropes` is in range.
//
// Each field changes what the model computes or which tensors it binds, and a test proves it by
// changing each in turn (engine/decoder/decoder_spec_fields.h names them all).

#include <cstdint>
#include <string>
#include <vector>

#include "engine/decoder/per_layer_input_spec.h"
#include "engine/kernels/activation.h"
#include "engine/kernels/row_functions.h"
#include "engine/latent/latent_spec.h"
#include "engine/mixture/mixture_spec.h"
#include "engine/recurrent/recurrent_spec.h"

namespace firstlight {

// How rotary frequencies follow from theta. Names as in config.json.
enum class RopeType {
  kDefault,
  kLinear,
  kDynamic,
  kLlama3,
  kYarn,
  kLongrope,
  kProportional,
};

struct RopeSpec {
  RopeType type = RopeType::kDefault;
  double theta = 10000.0;
  int64_t rotary_dim = 0;  // elements of a head that turn, from its first; even
  RopePairing pairing = RopePairing::kHalves;
  bool backwards = false;         // pairs turn by minus their angle
  double factor = 1.0;            // linear, dynamic, llama3, yarn, proportional
  double low_freq_factor = 1.0;   // llama3
  double high_freq_factor = 4.0;  // llama3
  // Positions that the unscaled frequencies were trained for: original_max_position_embeddings,
  // dynamic's max_position_embeddings.
  int64_t trained_positions = 0;
  double attention_factor = 1.0;          // yarn, longrope: of cosine and sine
  double beta_fast = 32.0;                // yarn
  double beta_slow = 1.0;                 // yarn
  bool truncate = true;                   // yarn: the range between them to whole pairs
  std::vector<double> short_factor = {};  // longrope, [rotary_dim / 2]
  std::vector<double> long_factor = {};   // longrope, [rotary_dim / 2]
  int64_t turning_pairs = 0;              // proportional: the first so many; the others stand still

  friend bool operator==(const RopeSpec&, const RopeSpec&) = default;
};

enum class NormKind {
  kRms,    // root mean square, a weight
  kLayer,  // mean and variance, a weight and perhaps a bias
};

struct NormSpec {
  NormKind kind = NormKind::kRms;
  double eps = 1e-6;
  double weight_offset = 0.0;  // 1 where a family stores the weight less one
  bool weight = true;          // false: there is none, as if all were 1
  bool bias = false;           // kLayer

  friend bool operator==(const NormSpec&, const NormSpec&) = default;
};

// What a norm of queries and keys is taken over.
enum class QkNormScope {
  kNone,
  kHead,        // each head; one weight [head_dim] for all of them
  kOwnHead,     // each head; a weight [heads, head_dim], a row for each
  kProjection,  // all heads together
};

struct QkNormSpec {
  QkNormScope scope = QkNormScope::kNone;
  bool after_rope = false;
  // kOwnHead in files that hold a tensor a head: what stands behind the norm's name, before the
  // head's index. Empty: one tensor.
  std::string per_head_name = {};
  NormSpec norm;

  friend bool operator==(const QkNormSpec&, const QkNormSpec&) = default;
};

// How a file holds the projections to query, key and value.
enum class QkvLayout {
  kSeparate,
  kConcatenated,  // one tensor: all queries, all keys, all values
  // One tensor: for each key/value head its queries, its key, its value.
  kGrouped,
  // One tensor: for each quarter of the heads its queries, its values, its keys.
  kQuarters,
};

// What is added to the scores, or turned into them, for where positions are.
enum class Alibi {
  kNone,
  kBloom,  // slopes of Press et al., arXiv:2108.12409, as BLOOM has them
  kMpt,    // as MPT has them: others where heads are no power of two
};

// What a layer mixes positions with.
enum class Mixer {
  kAttention,
  kRecurrence,  // a state of fixed size (DecoderSpec::recurrent)
  kBoth,        // side by side, of the same input; their sum
  kNone,
};

// How one kind of layer differs from another of the same model.
struct LayerKind {
  int64_t window = 0;  // positions attended, the row's own included; 0: all
  int64_t rope = 0;    // index into DecoderSpec::ropes; -1: positions do not turn
  Mixer mixer = Mixer::kAttention;
  bool feed_forward = true;         // whether there is one behind the mixer
  int64_t head_dim = 0;             // 0: DecoderSpec::head_dim
  int64_t num_key_value_heads = 0;  // 0: DecoderSpec::num_key_value_heads
  bool key_is_value = false;        // values are what the keys' projection gives, before any norm

  bool attends() const { return mixer == Mixer::kAttention || mixer == Mixer::kBoth; }
  bool recurs() const { return mixer == Mixer::kRecurrence || mixer == Mixer::kBoth; }

  friend bool operator==(const LayerKind&, const LayerKind&) = default;
};

// The heads of one layer.
struct HeadSizes {
  int64_t num_attention_heads = 0;
  int64_t num_key_value_heads = 0;
  int64_t head_dim = 0;
  int64_t value_dim = 0;  // of a head's value, which is as long as its key but in latent attention

  int64_t query_size() const { return num_attention_heads * head_dim; }
  int64_t key_size() const { return num_key_value_heads * head_dim; }
  int64_t value_size() const { return num_key_value_heads * value_dim; }
  int64_t projected_size() const { return query_size() + key_size() + value_size(); }
  int64_t attended_size() const { return num_attention_heads * value_dim; }
};

// By what the sigmoid of which attention's output is multiplied.
enum class OutputGate {
  kNone,
  // An element each: a head's query projection gives its query, then its gate.
  kElements,
  kHeads,  // one for each head, from a projection of its own
};

struct AttentionSpec {
  double scale = 0.0;     // of query · key
  double soft_cap = 0.0;  // of the scores; 0: none
  double clip = 0.0;      // query, key and value to [-clip, clip]; 0: none
  bool qkv_bias = false;
  bool output_bias = false;
  QkvLayout qkv_layout = QkvLayout::kSeparate;
  QkNormSpec qk_norm;
  bool value_norm = false;  // of each head's value, as of its key but without a weight
  Alibi alibi = Alibi::kNone;
  // Queries by 1 + beta * log(1 + floor(position / positions)) (Llama 4's); 0: not.
  double temperature_beta = 0.0;
  int64_t temperature_positions = 1;
  bool sinks = false;                          // a score without a value in each head
  OutputGate output_gate = OutputGate::kNone;  // only where query, key and value are separate
  double output_multiplier = 1.0;              // of what attention adds; only beside a recurrence

  friend bool operator==(const AttentionSpec&, const AttentionSpec&) = default;
};

// How a file holds the gate and up projections of a gated feed-forward.
enum class GateUpLayout {
  kSeparate,
  kConcatenated,  // one tensor: gate's rows, up's rows
};

struct FeedForwardSpec {
  Activation activation = Activation::kSilu;
  bool gated = true;               // activation(gate) * up; else activation(up)
  bool bias = false;               // on gate, up and down
  double gate_multiplier = 1.0;    // before the activation
  double output_multiplier = 1.0;  // of what it adds
  GateUpLayout layout = GateUpLayout::kSeparate;
  // The size in layers that share another's keys and values, in intermediate sizes.
  int64_t kv_shared_multiple = 1;

  friend bool operator==(const FeedForwardSpec&, const FeedForwardSpec&) = default;
};

// How a layer's two sublayers (mixer, feed-forward) join the residual stream.
struct ResidualSpec {
  bool norm_before = true;    // of a sublayer's input
  bool norm_after = false;    // of its output, before it is added
  bool parallel = false;      // both sublayers read the layer's input
  bool shared_norm = false;   // parallel: through one norm
  double multiplier = 1.0;    // of what a sublayer adds
  bool layer_scalar = false;  // the stream behind a layer by a number of the layer's own

  bool feed_forward_norm() const { return norm_before && !(parallel && shared_norm); }

  friend bool operator==(const ResidualSpec&, const ResidualSpec&) = default;
};

struct EmbeddingSpec {
  double multiplier = 1.0;
  bool norm = false;  // of the sum of embedding and position
  // Learned positions: position p takes row p + position_offset; 0 rows: there are none.
  int64_t position_rows = 0;
  int64_t position_offset = 0;

  friend bool operator==(const EmbeddingSpec&, const EmbeddingSpec&) = default;
};

struct HeadSpec {
  bool tied = false;  // to the embedding, where the file has no head
  bool bias = false;
  double multiplier = 1.0;  // of the logits
  double soft_cap = 0.0;    // of the logits, after that; 0: none

  friend bool operator==(const HeadSpec&, const HeadSpec&) = default;
};

// Names of the tensors of a checkpoint, without ".weight" and ".bias". Norms that a spec has not
// are not looked for.
struct TensorNames {
  // Before every name but the head's. Files written from the model without its head leave it out;
  // those of a model that also sees or hears have "language_model." before or behind it.
  std::string base_prefix = "model.";
  std::string other_base_prefix = {};  // what transformers writes, where that differs
  std::string embedding = "embed_tokens";
  std::string positions = "embed_positions";
  std::string embedding_norm = "embed_layernorm";
  std::string layer = "layers.";  // then the index and a dot
  std::string input_norm = "input_layernorm";
  std::string query = "self_attn.q_proj";
  std::string key = "self_attn.k_proj";
  std::string value = "self_attn.v_proj";
  std::string query_key_value = "self_attn.qkv_proj";  // where they are one tensor
  std::string query_norm = "self_attn.q_norm";
  std::string key_norm = "self_attn.k_norm";
  std::string attention_output = "self_attn.o_proj";
  std::string output_gate = "self_attn.g_proj";  // OutputGate::kHeads
  std::string other_output_gate = {};            // in published files, where that differs
  std::string sinks = "self_attn.sinks";         // exact
  std::string attention_output_norm = "post_self_attn_layernorm";
  std::string feed_forward_norm = "post_attention_layernorm";
  std::string gate = "mlp.gate_proj";
  std::string up = "mlp.up_proj";
  std::string gate_up = "mlp.gate_up_proj";  // where they are one tensor
  std::string down = "mlp.down_proj";
  std::string xielu = "mlp.act_fn.";  // then alpha_p, alpha_n, beta, eps
  std::string feed_forward_output_norm = "post_mlp_layernorm";
  std::string layer_scalar = "layer_scalar";  // exact
  std::string final_norm = "norm";
  std::string head = "lm_head";
  std::string older_head = {};  // what published files call it, where that differs

  friend bool operator==(const TensorNames&, const TensorNames&) = default;
};

struct DecoderSpec {
  int64_t vocab_size = 0;
  int64_t hidden_size = 0;
  int64_t intermediate_size = 0;
  int64_t num_hidden_layers = 0;
  int64_t num_attention_heads = 0;
  int64_t num_key_value_heads = 0;
  int64_t head_dim = 0;
  NormSpec norm;  // of the residual stream, and of embeddings
  EmbeddingSpec embedding;
  ResidualSpec residual;
  AttentionSpec attention;
  LatentSpec latent;             // where keys and values come out of a low rank
  FeedForwardSpec feed_forward;  // of the layers that are no mixture of experts
  MixtureSpec mixture;
  RecurrentSpec recurrent;  // of the layers that recur
  HeadSpec head;
  PerLayerInputSpec per_layer_input;
  std::vector<RopeSpec> ropes = {RopeSpec()};
  std::vector<LayerKind> layer_kinds = {LayerKind()};
  // [num_hidden_layers], the index into layer_kinds of each; empty: all are of the first.
  std::vector<int64_t> kind_of_layer = {};
  // So many of the last layers have no keys and values: they attend those of the last layer of
  // their kind before all of these.
  int64_t num_kv_shared_layers = 0;
  // Projections are stored transposed, [in, out], as GPT-2's are: their slots are copied.
  bool transposed = false;
  TensorNames names;

  HeadSizes heads(const LayerKind& kind) const {
    const int64_t dim = kind.head_dim > 0 ? kind.head_dim : head_dim;
    return {.num_attention_heads = num_attention_heads,
            .num_key_value_heads =
                kind.num_key_value_heads > 0 ? kind.num_key_value_heads : num_key_value_heads,
            .head_dim = dim,
            .value_dim = latent.enabled() ? latent.value_dim : dim};
  }
  HeadSizes heads(int64_t layer) const { return heads(kind(layer)); }
  const LayerKind& kind(int64_t layer) const {
    return layer_kinds[kind_of_layer.empty()
                           ? 0
                           : static_cast<size_t>(kind_of_layer[static_cast<size_t>(layer)])];
  }
  // Layers that attend, or that recur, among the first `layers`.
  int64_t AttentionLayers(int64_t layers) const;
  int64_t RecurrentLayers(int64_t layers) const;
  // Whether the layer has an MLP of its own.
  bool has_mlp(int64_t layer) const { return mixture.beside_mlp || !mixture.IsMixture(layer); }
  bool shares_key_value(int64_t layer) const {
    return layer >= num_hidden_layers - num_kv_shared_layers;
  }
  // The layer whose keys and values `layer` attends.
  int64_t key_value_layer(int64_t layer) const;
  int64_t intermediate_size_of(int64_t layer) const {
    return intermediate_size * (shares_key_value(layer) ? feed_forward.kv_shared_multiple : 1);
  }
  // Cosines (and sines) of a position, of all ropes.
  int64_t rotary_pairs() const {
    int64_t pairs = 0;
    for (const RopeSpec& rope : ropes) pairs += rope.rotary_dim / 2;
    return pairs;
  }

  friend bool operator==(const DecoderSpec&, const DecoderSpec&) = default;
};

inline int64_t DecoderSpec::AttentionLayers(int64_t layers) const {
  int64_t count = 0;
  for (int64_t layer = 0; layer < layers; ++layer) count += kind(layer).attends() ? 1 : 0;
  return count;
}

inline int64_t DecoderSpec::RecurrentLayers(int64_t layers) const {
  int64_t count = 0;
  for (int64_t layer = 0; layer < layers; ++layer) count += kind(layer).recurs() ? 1 : 0;
  return count;
}

inline int64_t DecoderSpec::key_value_layer(int64_t layer) const {
  if (!shares_key_value(layer)) return layer;
  for (int64_t other = num_hidden_layers - num_kv_shared_layers - 1; other >= 0; --other) {
    if (kind(other) == kind(layer)) return other;
  }
  return layer;
}

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_DECODER_DECODER_SPEC_H_
