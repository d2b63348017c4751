// StarCoder2 (Lozhkov et al., arXiv:2402.19173; transformers' models/starcoder2).

#include <optional>

#include "engine/architectures/architecture.h"
#include "engine/architectures/decoder_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

absl::StatusOr<ModelConfig> ReadStarcoder2Config(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model,
                              ReadDecoder(config, {.vocab_size = 49152,
                                                   .hidden_size = 3072,
                                                   .intermediate_size = 12288,
                                                   .num_hidden_layers = 30,
                                                   .num_attention_heads = 24,
                                                   .num_key_value_heads = 2,
                                                   .max_position_embeddings = 4096,
                                                   .norm_eps = 1e-5,
                                                   .activation = "gelu_pytorch_tanh",
                                                   .tied = true,
                                                   .eos_token_ids = {50256},
                                                   .norm_eps_field = "norm_epsilon"}));
  DecoderSpec& spec = model.spec;
  spec.norm.kind = NormKind::kLayer;
  spec.norm.bias = true;
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.attention.qkv_bias, config.GetBool("use_bias", true));
  spec.attention.output_bias = spec.attention.qkv_bias;
  spec.feed_forward.bias = spec.attention.qkv_bias;
  spec.feed_forward.gated = false;
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.layer_kinds[0].window,
                              ReadWindow(config, "sliding_window", std::nullopt));
  spec.names.up = "mlp.c_fc";
  spec.names.down = "mlp.c_proj";
  return model;
}

}  // namespace firstlight
