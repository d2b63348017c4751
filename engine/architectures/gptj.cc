// GPT-J (Wang and Komatsuzaki, 2021; transformers' models/gptj): attention and feed-forward side by
// side behind one norm, neighbours turn together; and CodeGen (Nijkamp et al., arXiv:2203.13474;
// models/codegen), whose projections are one tensor in four quarters.

#include <optional>

#include "engine/architectures/architecture.h"
#include "engine/architectures/config_fields.h"
#include "engine/architectures/decoder_fields.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {

namespace {

absl::StatusOr<ModelConfig> ReadGptJFields(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model,
                              ReadDecoder(config, {.vocab_size = 50400,
                                                   .hidden_size = 4096,
                                                   .intermediate_size = std::nullopt,
                                                   .num_hidden_layers = 28,
                                                   .num_attention_heads = 16,
                                                   .max_position_embeddings = 2048,
                                                   .norm_eps = 1e-5,
                                                   .activation = "gelu_new",
                                                   .eos_token_ids = {50256},
                                                   .rope = std::nullopt,
                                                   .hidden_size_field = "n_embd",
                                                   .intermediate_size_field = "n_inner",
                                                   .num_hidden_layers_field = "n_layer",
                                                   .num_attention_heads_field = "n_head",
                                                   .num_key_value_heads_field = {},
                                                   .head_dim_field = {},
                                                   .max_position_embeddings_field = "n_positions",
                                                   .norm_eps_field = "layer_norm_epsilon",
                                                   .activation_field = "activation_function"}));
  DecoderSpec& spec = model.spec;
  RopeSpec rope = {.pairing = RopePairing::kNeighbours};
  FIRSTLIGHT_ASSIGN_OR_RETURN(rope.rotary_dim,
                              ReadInteger(config, "rotary_dim", 64, 2, spec.head_dim));
  if (IsNull(config, "rotary_dim") || rope.rotary_dim % 2 != 0) {
    return config.Error("field \"rotary_dim\": expected an even number");
  }
  // A field left out is 64, whatever the head is.
  if (rope.rotary_dim > spec.head_dim) {
    return config.Error(StrCat("expected rotary_dim of at most the head's ", spec.head_dim,
                               " elements, found ", rope.rotary_dim));
  }
  spec.ropes = {rope};
  spec.layer_kinds[0].rope = 0;
  spec.norm.kind = NormKind::kLayer;
  spec.norm.bias = true;
  spec.residual.parallel = true;
  spec.residual.shared_norm = true;
  spec.feed_forward.gated = false;
  spec.feed_forward.bias = true;
  spec.head.bias = true;
  spec.names.base_prefix = "transformer.";
  spec.names.embedding = "wte";
  spec.names.layer = "h.";
  spec.names.input_norm = "ln_1";
  spec.names.query = "attn.q_proj";
  spec.names.key = "attn.k_proj";
  spec.names.value = "attn.v_proj";
  spec.names.query_key_value = "attn.qkv_proj";
  spec.names.attention_output = "attn.out_proj";
  spec.names.up = "mlp.fc_in";
  spec.names.down = "mlp.fc_out";
  spec.names.final_norm = "ln_f";
  return model;
}

}  // namespace

absl::StatusOr<ModelConfig> ReadGptJConfig(const JsonValue& config) {
  return ReadGptJFields(config);
}

absl::StatusOr<ModelConfig> ReadCodeGenConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model, ReadGptJFields(config));
  if (model.spec.num_attention_heads % 4 != 0) {
    return config.Error("expected a number of heads that is a multiple of 4");
  }
  model.spec.attention.qkv_layout = QkvLayout::kQuarters;
  return model;
}

}  // namespace firstlight
