#include "engine/scheduling/batch_pass.h"

#include <algorithm>
#include <utility>

#include "engine/scheduling/request.h"
#include "loader/base/status_macros.h"

namespace firstlight {

BatchPass::BatchPass(const Model* model, std::vector<Part> parts, LayerGate* gate,
                     WorkerPool* workers)
    : model_(model), gate_(gate), workers_(workers), parts_(std::move(parts)) {}

absl::StatusOr<std::unique_ptr<BatchPass>> BatchPass::Begin(const Model* model,
                                                            std::vector<Part> parts,
                                                            LayerGate* gate, WorkerPool* workers) {
  std::unique_ptr<BatchPass> batch(new BatchPass(model, std::move(parts), gate, workers));
  std::vector<BatchSegment> segments;
  segments.reserve(batch->parts_.size());
  std::vector<int32_t> tokens;
  int64_t logits_rows = 0;
  for (Part& part : batch->parts_) {
    Sequence& sequence = *part.sequence;
    sequence.in_pass = true;
    part.has_logits = part.rows == sequence.remaining();
    part.logits_rows =
        std::max<int64_t>(part.has_logits ? 1 : 0, sequence.UndescribedPromptRows(part.rows));
    part.first_logits_row = logits_rows;
    logits_rows += part.logits_rows;
    segments.push_back({.tokens = sequence.NextTokens(part.rows),
                        .first_position = sequence.computed(),
                        .cache = sequence.cache(),
                        .state = sequence.recurrent_state(),
                        .rope = &sequence.request().rope,
                        .prompt_tokens = sequence.prompt_tokens(),
                        .logits_rows = part.logits_rows});
    tokens.insert(tokens.end(), segments.back().tokens.begin(), segments.back().tokens.end());
    batch->first_tokens_ = batch->first_tokens_ || !sequence.request().prefill_end.has_value();
  }
  batch->has_logits_ = logits_rows > 0;
  FIRSTLIGHT_ASSIGN_OR_RETURN(batch->pass_, model->decoder()->Begin(segments));
  batch->storage_bytes_before_ = model->residency()->costs().storage_bytes;
  if (gate != nullptr) gate->PassBegins(*model, tokens);
  return batch;
}

BatchPass::~BatchPass() {
  for (const Part& part : parts_) {
    part.sequence->in_pass = false;
  }
}

int64_t BatchPass::Run() {
  const FaultCosts before = workers_->fault_costs();
  int64_t stages = 0;
  while (!pass_->done() && NextIsOpen()) {
    RunStage();
    ++stages;
  }
  const FaultCosts costs = workers_->fault_costs() - before;
  const bool at_rows = !pass_->done() && pass_->next_layer() < 0;
  waited_for_rows_ = waited_for_rows_ || at_rows;
  waited_ = waited_ || (!pass_->done() && !at_rows) || costs.storage_bytes > 0;
  if (costs != FaultCosts()) model_->residency()->AddWorkerCosts(costs);
  if (costs.storage_bytes > 0 && gate_ != nullptr) gate_->FaultedFromStorage(*model_);
  return stages;
}

bool BatchPass::waited() const {
  return waited_ ||
         (waited_for_rows_ && model_->residency()->costs().storage_bytes > storage_bytes_before_);
}

bool BatchPass::NextIsOpen() const {
  const int64_t layer = pass_->next_layer();
  const bool is_head = layer == model_->spec().num_hidden_layers;
  // A chunk of a prompt that is not its last has no use for the head.
  if (gate_ == nullptr || (is_head && !has_logits_)) return true;
  if (!gate_->IsOpen(*model_, layer)) return false;
  const absl::Span<const int32_t> experts = pass_->next_experts();
  return experts.empty() || gate_->AreExpertsOpen(*model_, layer, experts);
}

// The workers' counts are cumulative: noted after the last stage they hold what the whole pass has
// cost. A request before its first token is worth having them after each loop.
void BatchPass::RunStage() {
  const int64_t layer = pass_->next_layer();
  const bool is_head = layer == model_->spec().num_hidden_layers;
  workers_->NoteFaults(first_tokens_ || is_head);
  pass_->RunNextStage();
  if (!pass_->next_experts().empty()) return;  // the layer has not run to its end
  if (gate_ != nullptr && (!is_head || has_logits_)) gate_->StageRan(*model_, layer);
}

bool BatchPass::abandoned() const {
  return std::all_of(parts_.begin(), parts_.end(), [](const Part& part) {
    return part.sequence->state == Sequence::State::kFinished;
  });
}

}  // namespace firstlight
