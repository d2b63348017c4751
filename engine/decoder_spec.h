#ifndef FIRSTLIGHT_ENGINE_DECODER_SPEC_H_
#define FIRSTLIGHT_ENGINE_DECODER_SPEC_H_

// What distinguishes one decoder from another, as data. A family's file in engine/architectures/
// turns config.json into a DecoderSpec; one decoder (engine/decoder.h) runs every spec.
//
// Every field is validated by who makes the spec: sizes are positive and bounded so that products
// of a few of them fit in int64_t, and num_attention_heads is a multiple of num_key_value_heads.
//
// Each field changes what the model computes or which tensors it binds, and a test proves it by
// changing each in turn. VisitFields() names them all, so that a new field cannot be forgotten.

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/mixture/mixture_spec.h"

namespace firstlight {

// How rotary frequencies follow from theta. Names as in config.json.
enum class RopeType { kDefault, kLinear, kDynamic, kLlama3 };

struct RopeSpec {
  RopeType type = RopeType::kDefault;
  double theta = 10000.0;
  double factor = 1.0;            // linear, dynamic, llama3
  double low_freq_factor = 1.0;   // llama3
  double high_freq_factor = 4.0;  // llama3
  // Positions that the unscaled frequencies were trained for: llama3's
  // original_max_position_embeddings, dynamic's max_position_embeddings.
  int64_t trained_positions = 0;

  friend bool operator==(const RopeSpec&, const RopeSpec&) = default;
};

// Names of the tensors of a checkpoint. Linear layers are named without ".weight" and ".bias".
struct TensorNames {
  // Before every name but the head's. Files written from the model without its head leave it out.
  std::string base_prefix = "model.";
  std::string embedding = "embed_tokens.weight";
  std::string layer = "layers.";  // then the index and a dot
  std::string input_norm = "input_layernorm.weight";
  std::string query = "self_attn.q_proj";
  std::string key = "self_attn.k_proj";
  std::string value = "self_attn.v_proj";
  std::string attention_output = "self_attn.o_proj";
  std::string post_attention_norm = "post_attention_layernorm.weight";
  std::string gate = "mlp.gate_proj";
  std::string up = "mlp.up_proj";
  std::string down = "mlp.down_proj";
  std::string final_norm = "norm.weight";
  std::string head = "lm_head";

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
  double rms_norm_eps = 1e-6;
  double attention_scale = 0.0;  // of query · key
  bool attention_bias = false;   // on query, key, value and the attention's output
  bool mlp_bias = false;         // on gate, up and down
  bool tie_word_embeddings = false;
  MixtureSpec mixture;
  RopeSpec rope;
  TensorNames names;

  int64_t query_size() const { return num_attention_heads * head_dim; }
  int64_t key_value_size() const { return num_key_value_heads * head_dim; }

  friend bool operator==(const DecoderSpec&, const DecoderSpec&) = default;
};

// Calls `visit(name, field)` for every field of the spec. The structured bindings stop compiling
// when a field is added and not listed.
template <typename Visitor>
void VisitFields(RopeSpec& rope, Visitor&& visit) {
  auto& [type, theta, factor, low_freq_factor, high_freq_factor, trained_positions] = rope;
  visit(std::string_view("rope.type"), type);
  visit(std::string_view("rope.theta"), theta);
  visit(std::string_view("rope.factor"), factor);
  visit(std::string_view("rope.low_freq_factor"), low_freq_factor);
  visit(std::string_view("rope.high_freq_factor"), high_freq_factor);
  visit(std::string_view("rope.trained_positions"), trained_positions);
}

template <typename Visitor>
void VisitFields(TensorNames& names, Visitor&& visit) {
  auto& [base_prefix, embedding, layer, input_norm, query, key, value, attention_output,
         post_attention_norm, gate, up, down, final_norm, head] = names;
  visit(std::string_view("names.base_prefix"), base_prefix);
  visit(std::string_view("names.embedding"), embedding);
  visit(std::string_view("names.layer"), layer);
  visit(std::string_view("names.input_norm"), input_norm);
  visit(std::string_view("names.query"), query);
  visit(std::string_view("names.key"), key);
  visit(std::string_view("names.value"), value);
  visit(std::string_view("names.attention_output"), attention_output);
  visit(std::string_view("names.post_attention_norm"), post_attention_norm);
  visit(std::string_view("names.gate"), gate);
  visit(std::string_view("names.up"), up);
  visit(std::string_view("names.down"), down);
  visit(std::string_view("names.final_norm"), final_norm);
  visit(std::string_view("names.head"), head);
}

template <typename Visitor>
void VisitFields(DecoderSpec& spec, Visitor&& visit) {
  auto& [vocab_size, hidden_size, intermediate_size, num_hidden_layers, num_attention_heads,
         num_key_value_heads, head_dim, rms_norm_eps, attention_scale, attention_bias, mlp_bias,
         tie_word_embeddings, mixture, rope, names] = spec;
  visit(std::string_view("vocab_size"), vocab_size);
  visit(std::string_view("hidden_size"), hidden_size);
  visit(std::string_view("intermediate_size"), intermediate_size);
  visit(std::string_view("num_hidden_layers"), num_hidden_layers);
  visit(std::string_view("num_attention_heads"), num_attention_heads);
  visit(std::string_view("num_key_value_heads"), num_key_value_heads);
  visit(std::string_view("head_dim"), head_dim);
  visit(std::string_view("rms_norm_eps"), rms_norm_eps);
  visit(std::string_view("attention_scale"), attention_scale);
  visit(std::string_view("attention_bias"), attention_bias);
  visit(std::string_view("mlp_bias"), mlp_bias);
  visit(std::string_view("tie_word_embeddings"), tie_word_embeddings);
  VisitFields(mixture, visit);
  VisitFields(rope, visit);
  VisitFields(names, visit);
}

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_DECODER_SPEC_H_
