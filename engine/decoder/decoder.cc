#include "engine/decoder/decoder.h"

#include <cassert>
#include <utility>

#include "engine/forward/state.h"
#include "loader/base/status_macros.h"

namespace firstlight {

ForwardPass::ForwardPass(std::unique_ptr<State> state) : state_(std::move(state)) {}

ForwardPass::~ForwardPass() = default;

void ForwardPass::RunNextStage() {
  State& state = *state_;
  assert(!state.done);
  if (state.at_experts) {
    state.RunExperts(state.next_layer);
  } else if (state.next_layer < 0) {
    state.Embed();
  } else if (state.next_layer < state.spec.num_hidden_layers) {
    state.RunLayer(state.next_layer);
    if (state.at_experts) return;
  } else {
    state.RunHead();
    state.done = true;
    return;
  }
  ++state.next_layer;
}

bool ForwardPass::done() const { return state_->done; }

int64_t ForwardPass::next_layer() const { return state_->next_layer; }

absl::Span<const int32_t> ForwardPass::next_experts() const {
  return state_->at_experts ? state_->mixture.chosen() : absl::Span<const int32_t>();
}

absl::Span<const float> ForwardPass::logits() const {
  return {state_->activations.logits,
          state_->logits_of.size() * static_cast<size_t>(state_->spec.vocab_size)};
}

absl::Span<const float> ForwardPass::logits_row(int64_t row) const {
  const auto size = static_cast<size_t>(state_->spec.vocab_size);
  return logits().subspan(static_cast<size_t>(row) * size, size);
}

Decoder::Decoder(const DecoderSpec* spec, const BoundWeights* weights, const Kernels* kernels,
                 WorkerPool* workers, int64_t max_activation_bytes)
    : spec_(spec),
      weights_(weights),
      kernels_(kernels),
      workers_(workers),
      activations_(max_activation_bytes) {}

Decoder::~Decoder() = default;

absl::StatusOr<std::unique_ptr<ForwardPass>> Decoder::Begin(
    absl::Span<const BatchSegment> segments) {
  auto state = std::make_unique<ForwardPass::State>(this, segments);
  FIRSTLIGHT_RETURN_IF_ERROR(state->Reserve());
  return std::unique_ptr<ForwardPass>(new ForwardPass(std::move(state)));
}

absl::StatusOr<std::unique_ptr<ForwardPass>> Decoder::Forward(
    absl::Span<const BatchSegment> segments) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(std::unique_ptr<ForwardPass> pass, Begin(segments));
  while (!pass->done()) pass->RunNextStage();
  return pass;
}

}  // namespace firstlight
