// Mixtral (Jiang et al., arXiv:2401.04088; transformers' models/mixtral): Mistral with a mixture of
// experts in every layer.

#include "engine/architectures/architecture.h"
#include "engine/architectures/config_fields.h"
#include "engine/architectures/mixture_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

absl::StatusOr<ModelConfig> ReadMixtralConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model, ReadMistralConfig(config));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.norm.eps,
                              ReadNumber(config, "rms_norm_eps", 1e-5, 0.0, 1.0));
  MixtureSpec& mixture = spec.mixture;
  FIRSTLIGHT_RETURN_IF_ERROR(ReadExperts(config,
                                         {.num_experts = "num_local_experts",
                                          .default_num_experts = 8,
                                          .default_experts_per_token = 2},
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
