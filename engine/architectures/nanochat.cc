// nanochat (Karpathy, 2025; transformers' models/nanochat): norms without weights, also on
// embeddings and on each head once it has turned (backwards); a soft cap on logits.

#include <string_view>

#include "engine/architectures/architecture.h"
#include "engine/architectures/config_fields.h"
#include "engine/architectures/decoder_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

absl::StatusOr<ModelConfig> ReadNanoChatConfig(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model, ReadDecoder(config, {.vocab_size = 50304,
                                                                      .hidden_size = 768,
                                                                      .intermediate_size = 8192,
                                                                      .num_hidden_layers = 12,
                                                                      .num_attention_heads = 6,
                                                                      .activation = "relu2",
                                                                      .eos_token_ids = {1}}));
  DecoderSpec& spec = model.spec;
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.attention.qkv_bias, config.GetBool("attention_bias", false));
  spec.attention.output_bias = spec.attention.qkv_bias;
  spec.norm.weight = false;
  spec.embedding.norm = true;
  spec.attention.qk_norm.scope = QkNormScope::kHead;
  spec.attention.qk_norm.after_rope = true;
  spec.attention.qk_norm.norm = spec.norm;
  spec.ropes[0].backwards = true;
  constexpr std::string_view kCap = "final_logit_softcapping";
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      spec.head.soft_cap, ReadNumber(config, kCap, IsNull(config, kCap) ? 0.0 : 15.0, 1e-6, 1e9));
  spec.feed_forward.gated = false;
  spec.names.up = "mlp.fc1";
  spec.names.down = "mlp.fc2";
  return model;
}

}  // namespace firstlight
