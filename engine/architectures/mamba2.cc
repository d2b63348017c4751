// Mamba-2 (Dao and Gu, arXiv:2405.21060; transformers' models/mamba2): nothing but Mamba-2 layers.

#include "engine/architectures/architecture.h"
#include "engine/architectures/config_fields.h"
#include "engine/architectures/decoder_fields.h"
#include "engine/architectures/recurrent_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

absl::StatusOr<ModelConfig> ReadMamba2Config(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      ModelConfig model, ReadDecoder(config, {.vocab_size = 32768,
                                              .num_hidden_layers = 64,
                                              // Its state holds any number of positions.
                                              .max_position_embeddings = SizeLimits::kPositions,
                                              .norm_eps = 1e-5,
                                              .eos_token_ids = {2},
                                              .attends = false,
                                              .rope = std::nullopt,
                                              .intermediate_size_field = {},
                                              .max_position_embeddings_field = {},
                                              .norm_eps_field = "layer_norm_epsilon",
                                              .activation_field = {}}));
  DecoderSpec& spec = model.spec;
  spec.intermediate_size = 0;
  spec.layer_kinds = {{.rope = -1, .mixer = Mixer::kRecurrence, .feed_forward = false}};
  FIRSTLIGHT_RETURN_IF_ERROR(ReadMamba2(config,
                                        {.heads = "num_heads",
                                         .head_dim = "head_dim",
                                         .groups = "n_groups",
                                         .state_size = "state_size",
                                         .kernel = "conv_kernel",
                                         .expand = "expand",
                                         .convolution_bias = "use_conv_bias",
                                         .input_bias = "use_bias",
                                         .output_bias = "use_bias",
                                         .default_head_dim = 64,
                                         .default_groups = 8,
                                         .default_state_size = 128},
                                        &spec));
  spec.recurrent.names.prefix = "mixer.";
  spec.names.base_prefix = "backbone.";
  spec.names.embedding = "embeddings";
  spec.names.input_norm = "norm";
  spec.names.final_norm = "norm_f";
  return model;
}

}  // namespace firstlight
