#include "engine/batch_pass.h"

#include <algorithm>
#include <utility>

#include "engine/request.h"
#include "loader/base/status_macros.h"

namespace firstlight {

BatchPass::BatchPass(const Model* model, std::vector<Part> parts)
    : model_(model), parts_(std::move(parts)) {}

absl::StatusOr<std::unique_ptr<BatchPass>> BatchPass::Begin(const Model* model,
                                                            std::vector<Part> parts) {
  std::unique_ptr<BatchPass> batch(new BatchPass(model, std::move(parts)));
  std::vector<BatchSegment> segments;
  segments.reserve(batch->parts_.size());
  int64_t logits_rows = 0;
  for (Part& part : batch->parts_) {
    Sequence& sequence = *part.sequence;
    sequence.in_pass = true;
    part.has_logits = part.rows == sequence.remaining();
    part.logits_row = logits_rows;
    logits_rows += part.has_logits ? 1 : 0;
    segments.push_back({.tokens = sequence.NextTokens(part.rows),
                        .first_position = sequence.computed(),
                        .cache = sequence.cache(),
                        .rope = &sequence.request().rope,
                        .logits_rows = part.has_logits ? 1 : 0});
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(batch->pass_, model->decoder()->Begin(segments));
  return batch;
}

BatchPass::~BatchPass() {
  for (const Part& part : parts_) {
    part.sequence->in_pass = false;
  }
}

int64_t BatchPass::Run(LayerGate* gate) {
  int64_t stages = 0;
  while (!pass_->done() && (gate == nullptr || gate->IsOpen(*model_, pass_->next_layer()))) {
    pass_->RunNextStage();
    ++stages;
  }
  return stages;
}

bool BatchPass::abandoned() const {
  return std::all_of(parts_.begin(), parts_.end(), [](const Part& part) {
    return part.sequence->state == Sequence::State::kFinished;
  });
}

}  // namespace firstlight
