#include "bench/model_figures.h"

#include <memory>
#include <string>

#include "engine/decoder/weights.h"
#include "engine/model_config.h"
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
  figures.position_bytes = 0;
  figures.layer_weights = 0;
  for (int64_t layer = 0; layer < spec.num_hidden_layers; ++layer) {
    const LayerKind& kind = spec.kind(layer);
    const HeadSizes heads = kind.attends() ? spec.heads(kind) : HeadSizes();
    const int64_t key_value =
        spec.shares_key_value(layer) ? 0 : heads.key_size() + heads.value_size();
    figures.position_bytes += key_value * static_cast<int64_t>(sizeof(float));
    const int64_t feed_forward = kind.feed_forward ? spec.intermediate_size_of(layer) : 0;
    figures.layer_weights += spec.hidden_size * (2 * heads.query_size() + key_value +
                                                 (spec.feed_forward.gated ? 3 : 2) * feed_forward);
  }
  figures.head_weights = spec.vocab_size * spec.hidden_size;
  figures.step_weight_bytes = figures.checkpoint_bytes;
  const TensorView* const embedding = FindEmbedding(spec, *checkpoint);
  if (embedding != nullptr && FindHead(spec, *checkpoint) != nullptr) {
    figures.step_weight_bytes -= static_cast<int64_t>(embedding->data.size());
  }
  return figures;
}

}  // namespace firstlight
