// Phi 3 and 4 (Abdin et al., arXiv:2404.14219; transformers' models/phi3): fused projections,
// longrope.

#include <optional>

#include "engine/architectures/architecture.h"
#include "engine/architectures/decoder_fields.h"
#include "loader/base/status_macros.h"

namespace firstlight {

absl::StatusOr<ModelConfig> ReadPhi3Config(const JsonValue& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelConfig model,
                              ReadDecoder(config, {.vocab_size = 32064,
                                                   .hidden_size = 3072,
                                                   .intermediate_size = 8192,
                                                   .max_position_embeddings = 4096,
                                                   .norm_eps = 1e-5,
                                                   .eos_token_ids = {32000},
                                                   .rope = RopeContext{.trained_positions = 4096,
                                                                       .yarn_is_longrope = true}}));
  DecoderSpec& spec = model.spec;
  const RopeType rope = spec.ropes[0].type;
  if (rope != RopeType::kDefault && rope != RopeType::kLongrope) {
    return config.Error("expected a rope type of default or longrope in this architecture");
  }
  spec.attention.qkv_layout = QkvLayout::kConcatenated;
  spec.feed_forward.layout = GateUpLayout::kConcatenated;
  FIRSTLIGHT_ASSIGN_OR_RETURN(spec.layer_kinds[0].window,
                              ReadWindow(config, "sliding_window", std::nullopt));
  return model;
}

}  // namespace firstlight
