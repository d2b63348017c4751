#include "bench/model_figures.h"

#include <memory>
#include <string>

#include "engine/model_config.h"
#include "engine/weights.h"
#include "loader/base/status_macros.h"
#include "loader/checkpoint.h"

namespace firstlight {

absl::StatusOr<ModelFigures> ReadModelFigures(const std::string& directory) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::unique_ptr<const Checkpoint> checkpoint,
                              Checkpoint::Open(directory));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const ModelConfig config, ParseModelConfig(checkpoint->config()));
  const DecoderSpec& spec = config.spec;
  ModelFigures figures;
  figures.vocab_size = spec.vocab_size;
  figures.checkpoint_bytes = checkpoint->tensor_bytes();
  figures.position_bytes = spec.AttentionLayers(spec.num_hidden_layers) *
                           (spec.key_value_size() + spec.value_size()) *
                           static_cast<int64_t>(sizeof(float));
  figures.layer_weights = spec.num_hidden_layers * spec.hidden_size *
                          (2 * spec.query_size() + 2 * spec.key_value_size() +
                           (spec.feed_forward.gated ? 3 : 2) * spec.intermediate_size);
  figures.head_weights = spec.vocab_size * spec.hidden_size;
  figures.step_weight_bytes = figures.checkpoint_bytes;
  const TensorView* const embedding = FindEmbedding(spec, *checkpoint);
  if (embedding != nullptr && FindHead(spec, *checkpoint) != nullptr) {
    figures.step_weight_bytes -= static_cast<int64_t>(embedding->data.size());
  }
  return figures;
}

}  // namespace firstlight
