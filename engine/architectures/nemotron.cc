// Nemotron 4 and Minitron (Parmar et al., arXiv:2402.16819; transformers' models/nemotron): layer
// norms that store their weight less one, a plain feed-forward of squared relu.

#include "engine/architectures/architecture.h"
#include "engine/architectures/decoder_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

absl::StatusOr<ModelConfig> ReadNemotronConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      ModelConfig model, ReadDecoder(config, {.vocab_size = 256000,
                                              .hidden_size = 6144,
                                              .intermediate_size = 24576,
                                              .num_attention_heads = 48,
                                              .max_position_embeddings = 4096,
                                              .norm_eps = 1e-5,
                                              .activation = "relu2",
                                              .eos_token_ids = {3},
                                              .rope = RopeContext{.partial_rotary_factor = 0.5},
                                              .norm_eps_field = "norm_eps"}));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_RETURN_IF_ERROR(ReadBiases(config, &spec));
  spec.norm.kind = NormKind::kLayer;
  spec.norm.weight_offset = 1.0;
  spec.norm.bias = true;
  spec.feed_forward.gated = false;
  return model;
}

}  // namespace firstlight
