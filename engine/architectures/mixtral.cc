// Mixtral (Jiang et al., arXiv:2401.04088; transformers' models/mixtral): Mistral with a mixture of
// experts in every layer.

#include "engine/architectures/architecture.h"
#include "engine/architectures/config_fields.h"
#include "engine/architectures/decoder_fields.h"
#include "engine/architectures/mixture_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

absl::StatusOr<ModelConfig> ReadMixtralConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model,
                              ReadDecoder(config, {.vocab_size = 32000,
                                                   .hidden_size = 4096,
                                                   .intermediate_size = 14336,
                                                   .num_hidden_layers = 32,
                                                   .num_attention_heads = 32,
                                                   .num_key_value_heads = 8,
                                                   .max_position_embeddings = 131072,
                                                   .norm_eps = 1e-5,
                                                   .eos_token_ids = {2},
                                                   .rope = RopeContext{.theta = 1e6}}));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_RETURN_IF_ERROR(ReadWindowOfEveryLayer(config, std::nullopt, &spec));
  MixtureSpec& mixture = spec.mixture;
  FIRSTLIGHT_RETURN_IF_ERROR(ReadExperts(
      config, {.num_experts = "num_local_experts", .default_experts = 8, .default_per_token = 2},
      &mixture));
  mixture.intermediate_size = spec.intermediate_size;
  mixture.routing.normalize = true;
  // transformers 5 calls the whole `mlp`, as the other families do.
  mixture.names.router = "block_sparse_moe.gate";
  mixture.names.experts = "block_sparse_moe.experts.";
  mixture.names.gate = "w1";
  mixture.names.up = "w3";
  mixture.names.down = "w2";
  MakeEveryLayerAMixture(&spec);
  return model;
}

}  // namespace firstlight
