// Phi 1 to 2 (Li et al., arXiv:2309.05463; transformers' models/phi): attention and feed-forward
// side by side behind one norm, a part of each head turns.

#include "engine/architectures/architecture.h"
#include "engine/architectures/decoder_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

absl::StatusOr<ModelConfig> ReadPhiConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      ModelConfig model, ReadDecoder(config, {.vocab_size = 51200,
                                              .hidden_size = 2048,
                                              .intermediate_size = 8192,
                                              .num_hidden_layers = 24,
                                              .norm_eps = 1e-5,
                                              .activation = "gelu_new",
                                              .eos_token_ids = {2},
                                              .rope = RopeContext{.partial_rotary_factor = 0.5},
                                              .norm_eps_field = "layer_norm_eps"}));
  DecoderSpec& spec = model.spec;
  spec.norm.kind = NormKind::kLayer;
  spec.norm.bias = true;
  spec.residual.parallel = true;
  spec.residual.shared_norm = true;
  spec.attention.qkv_bias = true;
  spec.attention.output_bias = true;
  FIRSTLIGHT_ASSIGN_OR_RETURN(const bool qk_norm, config.GetBool("qk_layernorm", false));
  if (qk_norm) {
    spec.attention.qk_norm.scope = QkNormScope::kHead;
    spec.attention.qk_norm.norm = spec.norm;
  }
  spec.feed_forward.gated = false;
  spec.feed_forward.bias = true;
  spec.head.bias = true;
  spec.names.query_norm = "self_attn.q_layernorm";
  spec.names.key_norm = "self_attn.k_layernorm";
  spec.names.attention_output = "self_attn.dense";
  spec.names.up = "mlp.fc1";
  spec.names.down = "mlp.fc2";
  spec.names.final_norm = "final_layernorm";
  return model;
}

}  // namespace firstlight
