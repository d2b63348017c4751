#ifndef FIRSTLIGHT_ENGINE_DECODER_DECODER_SPEC_FIELDS_H_
#define FIRSTLIGHT_ENGINE_DECODER_DECODER_SPEC_FIELDS_H_

// Calls `visit(name, field)` for every field of a DecoderSpec. The structured bindings stop
// compiling when a field is added and not listed. Kinds and ropes are visited one after the other
// under the same names.

#include <string_view>

#include "engine/decoder/decoder_spec.h"

namespace firstlight {

template <typename Visitor>
void VisitFields(RopeSpec& rope, Visitor&& visit) {
  auto& [type, theta, rotary_dim, pairing, backwards, factor, low_freq_factor, high_freq_factor,
         trained_positions, attention_factor, beta_fast, beta_slow, truncate, short_factor,
         long_factor, turning_pairs] = rope;
  visit(std::string_view("rope.type"), type);
  visit(std::string_view("rope.theta"), theta);
  visit(std::string_view("rope.rotary_dim"), rotary_dim);
  visit(std::string_view("rope.pairing"), pairing);
  visit(std::string_view("rope.backwards"), backwards);
  visit(std::string_view("rope.factor"), factor);
  visit(std::string_view("rope.low_freq_factor"), low_freq_factor);
  visit(std::string_view("rope.high_freq_factor"), high_freq_factor);
  visit(std::string_view("rope.trained_positions"), trained_positions);
  visit(std::string_view("rope.attention_factor"), attention_factor);
  visit(std::string_view("rope.beta_fast"), beta_fast);
  visit(std::string_view("rope.beta_slow"), beta_slow);
  visit(std::string_view("rope.truncate"), truncate);
  visit(std::string_view("rope.short_factor"), short_factor);
  visit(std::string_view("rope.long_factor"), long_factor);
  visit(std::string_view("rope.turning_pairs"), turning_pairs);
}

// `prefix` is one of a few literals.
template <typename Visitor>
void VisitNormFields(bool of_qk, NormSpec& norm, Visitor&& visit) {
  auto& [kind, eps, weight_offset, weight, bias] = norm;
  const auto name = [of_qk](std::string_view field) {
    return field.substr(of_qk ? 0 : std::string_view("attention.qk_norm.").size());
  };
  visit(name("attention.qk_norm.norm.kind"), kind);
  visit(name("attention.qk_norm.norm.eps"), eps);
  visit(name("attention.qk_norm.norm.weight_offset"), weight_offset);
  visit(name("attention.qk_norm.norm.weight"), weight);
  visit(name("attention.qk_norm.norm.bias"), bias);
}

template <typename Visitor>
void VisitFields(AttentionSpec& attention, Visitor&& visit) {
  auto& [scale, soft_cap, clip, qkv_bias, output_bias, qkv_layout, qk_norm, value_norm, alibi,
         temperature_beta, temperature_positions, sinks, output_gate, output_multiplier] =
      attention;
  visit(std::string_view("attention.scale"), scale);
  visit(std::string_view("attention.soft_cap"), soft_cap);
  visit(std::string_view("attention.clip"), clip);
  visit(std::string_view("attention.qkv_bias"), qkv_bias);
  visit(std::string_view("attention.output_bias"), output_bias);
  visit(std::string_view("attention.qkv_layout"), qkv_layout);
  auto& [scope, after_rope, per_head_name, norm] = qk_norm;
  visit(std::string_view("attention.qk_norm.scope"), scope);
  visit(std::string_view("attention.qk_norm.after_rope"), after_rope);
  visit(std::string_view("attention.qk_norm.per_head_name"), per_head_name);
  VisitNormFields(/*of_qk=*/true, norm, visit);
  visit(std::string_view("attention.value_norm"), value_norm);
  visit(std::string_view("attention.alibi"), alibi);
  visit(std::string_view("attention.temperature_beta"), temperature_beta);
  visit(std::string_view("attention.temperature_positions"), temperature_positions);
  visit(std::string_view("attention.sinks"), sinks);
  visit(std::string_view("attention.output_gate"), output_gate);
  visit(std::string_view("attention.output_multiplier"), output_multiplier);
}

template <typename Visitor>
void VisitFields(FeedForwardSpec& feed_forward, Visitor&& visit) {
  auto& [activation, gated, bias, gate_multiplier, output_multiplier, layout, kv_shared_multiple] =
      feed_forward;
  visit(std::string_view("feed_forward.activation"), activation);
  visit(std::string_view("feed_forward.gated"), gated);
  visit(std::string_view("feed_forward.bias"), bias);
  visit(std::string_view("feed_forward.gate_multiplier"), gate_multiplier);
  visit(std::string_view("feed_forward.output_multiplier"), output_multiplier);
  visit(std::string_view("feed_forward.layout"), layout);
  visit(std::string_view("feed_forward.kv_shared_multiple"), kv_shared_multiple);
}

template <typename Visitor>
void VisitFields(ResidualSpec& residual, Visitor&& visit) {
  auto& [norm_before, norm_after, parallel, shared_norm, multiplier, layer_scalar] = residual;
  visit(std::string_view("residual.norm_before"), norm_before);
  visit(std::string_view("residual.norm_after"), norm_after);
  visit(std::string_view("residual.parallel"), parallel);
  visit(std::string_view("residual.shared_norm"), shared_norm);
  visit(std::string_view("residual.multiplier"), multiplier);
  visit(std::string_view("residual.layer_scalar"), layer_scalar);
}

template <typename Visitor>
void VisitFields(EmbeddingSpec& embedding, Visitor&& visit) {
  auto& [multiplier, norm, position_rows, position_offset] = embedding;
  visit(std::string_view("embedding.multiplier"), multiplier);
  visit(std::string_view("embedding.norm"), norm);
  visit(std::string_view("embedding.position_rows"), position_rows);
  visit(std::string_view("embedding.position_offset"), position_offset);
}

template <typename Visitor>
void VisitFields(HeadSpec& head, Visitor&& visit) {
  auto& [tied, bias, multiplier, soft_cap] = head;
  visit(std::string_view("head.tied"), tied);
  visit(std::string_view("head.bias"), bias);
  visit(std::string_view("head.multiplier"), multiplier);
  visit(std::string_view("head.soft_cap"), soft_cap);
}

template <typename Visitor>
void VisitFields(TensorNames& names, Visitor&& visit) {
  auto& [base_prefix, other_base_prefix, embedding, positions, embedding_norm, layer, input_norm,
         query, key, value, query_key_value, query_norm, key_norm, attention_output, output_gate,
         other_output_gate, sinks, attention_output_norm, feed_forward_norm, gate, up, gate_up,
         down, xielu, feed_forward_output_norm, layer_scalar, final_norm, head, older_head] = names;
  visit(std::string_view("names.base_prefix"), base_prefix);
  visit(std::string_view("names.other_base_prefix"), other_base_prefix);
  visit(std::string_view("names.embedding"), embedding);
  visit(std::string_view("names.positions"), positions);
  visit(std::string_view("names.embedding_norm"), embedding_norm);
  visit(std::string_view("names.layer"), layer);
  visit(std::string_view("names.input_norm"), input_norm);
  visit(std::string_view("names.query"), query);
  visit(std::string_view("names.key"), key);
  visit(std::string_view("names.value"), value);
  visit(std::string_view("names.query_key_value"), query_key_value);
  visit(std::string_view("names.query_norm"), query_norm);
  visit(std::string_view("names.key_norm"), key_norm);
  visit(std::string_view("names.attention_output"), attention_output);
  visit(std::string_view("names.output_gate"), output_gate);
  visit(std::string_view("names.other_output_gate"), other_output_gate);
  visit(std::string_view("names.sinks"), sinks);
  visit(std::string_view("names.attention_output_norm"), attention_output_norm);
  visit(std::string_view("names.feed_forward_norm"), feed_forward_norm);
  visit(std::string_view("names.gate"), gate);
  visit(std::string_view("names.up"), up);
  visit(std::string_view("names.gate_up"), gate_up);
  visit(std::string_view("names.down"), down);
  visit(std::string_view("names.xielu"), xielu);
  visit(std::string_view("names.feed_forward_output_norm"), feed_forward_output_norm);
  visit(std::string_view("names.layer_scalar"), layer_scalar);
  visit(std::string_view("names.final_norm"), final_norm);
  visit(std::string_view("names.head"), head);
  visit(std::string_view("names.older_head"), older_head);
}

template <typename Visitor>
void VisitFields(DecoderSpec& spec, Visitor&& visit) {
  auto& [vocab_size, hidden_size, intermediate_size, num_hidden_layers, num_attention_heads,
         num_key_value_heads, head_dim, norm, embedding, residual, attention, latent, feed_forward,
         mixture, recurrent, head, per_layer_input, ropes, layer_kinds, kind_of_layer,
         num_kv_shared_layers, transposed, names] = spec;
  visit(std::string_view("vocab_size"), vocab_size);
  visit(std::string_view("hidden_size"), hidden_size);
  visit(std::string_view("intermediate_size"), intermediate_size);
  visit(std::string_view("num_hidden_layers"), num_hidden_layers);
  visit(std::string_view("num_attention_heads"), num_attention_heads);
  visit(std::string_view("num_key_value_heads"), num_key_value_heads);
  visit(std::string_view("head_dim"), head_dim);
  VisitNormFields(/*of_qk=*/false, norm, visit);
  VisitFields(embedding, visit);
  VisitFields(residual, visit);
  VisitFields(attention, visit);
  VisitFields(latent, visit);
  VisitFields(feed_forward, visit);
  VisitFields(mixture, visit);
  VisitFields(recurrent, visit);
  VisitFields(head, visit);
  VisitFields(per_layer_input, visit);
  for (RopeSpec& rope : ropes) VisitFields(rope, visit);
  for (LayerKind& kind : layer_kinds) {
    auto& [window, rope, mixer, feed_forward_of_layer, head_dim_of_kind, kv_heads_of_kind,
           key_is_value] = kind;
    visit(std::string_view("layer_kind.window"), window);
    visit(std::string_view("layer_kind.rope"), rope);
    visit(std::string_view("layer_kind.mixer"), mixer);
    visit(std::string_view("layer_kind.feed_forward"), feed_forward_of_layer);
    visit(std::string_view("layer_kind.head_dim"), head_dim_of_kind);
    visit(std::string_view("layer_kind.num_key_value_heads"), kv_heads_of_kind);
    visit(std::string_view("layer_kind.key_is_value"), key_is_value);
  }
  visit(std::string_view("kind_of_layer"), kind_of_layer);
  visit(std::string_view("num_kv_shared_layers"), num_kv_shared_layers);
  visit(std::string_view("transposed"), transposed);
  VisitFields(names, visit);
}

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_DECODER_DECODER_SPEC_FIELDS_H_
