// Gemma (Mesnard et al., arXiv:2403.08295; transformers' models/gemma): scaled embeddings, norms
// that store their weight less one.

#include <cmath>

#include "engine/architectures/architecture.h"
#include "engine/architectures/decoder_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

absl::StatusOr<ModelConfig> ReadGemmaConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model,
                              ReadDecoder(config, {.vocab_size = 256000,
                                                   .hidden_size = 3072,
                                                   .intermediate_size = 24576,
                                                   .num_hidden_layers = 28,
                                                   .num_attention_heads = 16,
                                                   .num_key_value_heads = 16,
                                                   .head_dim = 256,
                                                   .max_position_embeddings = 8192,
                                                   .activation = "gelu_pytorch_tanh",
                                                   .tied = true,
                                                   .eos_token_ids = {1}}));
  DecoderSpec& spec = model.spec;
  // "gelu" stands for the approximation in the first files.
  if (spec.feed_forward.activation == Activation::kGelu) {
    spec.feed_forward.activation = Activation::kGeluTanh;
  }
  FIRSTLIGHT_RETURN_IF_ERROR(RefuseUnless(config, "use_bidirectional_attention", false));
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.attention.qkv_bias, config.GetBool("attention_bias", false));
  spec.attention.output_bias = spec.attention.qkv_bias;
  spec.norm.weight_offset = 1.0;
  spec.embedding.multiplier = std::sqrt(static_cast<double>(spec.hidden_size));
  return model;
}

}  // namespace firstlight
