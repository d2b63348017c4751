#ifndef FIRSTLIGHT_ENGINE_DECODER_DECODER_H_
#define FIRSTLIGHT_ENGINE_DECODER_DECODER_H_

// One decoder runs every DecoderSpec: embedding, layers of mixer and feed-forward, final norm,
// output head (their stages are in engine/forward/). Activations are float32; weights are used
// where they are mapped.
//
// A pass is mixed (prompt chunks and decode rows of many sequences side by side) and advances one
// layer at a time, so that the scheduler can hand the workers to another model's pass in between.
// Logits of a sequence do not depend, to the bit, on the rest of the batch, on the chunking of its
// prompt or on the number of threads.

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/decoder/activations.h"
#include "engine/decoder/decoder_spec.h"
#include "engine/decoder/rope.h"
#include "engine/decoder/weights.h"
#include "engine/kernels/kernels.h"
#include "engine/kv_cache/paged_cache.h"
#include "engine/workers/worker_pool.h"

namespace firstlight {

// One sequence's share of a pass.
struct BatchSegment {
  absl::Span<const int32_t> tokens;  // [count], each in [0, vocab_size)
  // Of tokens[0]. The cache holds the positions before it; the state is that just behind them.
  int64_t first_position = 0;
  PagedCache* cache = nullptr;            // reserved up to first_position + count
  float* state = nullptr;                 // [CacheShape::state_floats], or null
  const RopeFrequencies* rope = nullptr;  // fixed when the sequence was admitted
  int64_t prompt_tokens = 0;              // of the sequence, wherever this share is in it
  int64_t logits_rows = 0;                // logits for the last `logits_rows` tokens; 0 for none
};

class Decoder;

// A forward pass under way. Used by one thread (the engine's), which blocks while the workers run.
class ForwardPass {
 public:
  ~ForwardPass();

  // Runs the next stage: embedding first, then a layer at a time, the norm and head last. A layer
  // that is a mixture of experts is two stages: its attention and router, then the experts.
  // REQUIRES: !done().
  void RunNextStage();
  bool done() const;

  // The layer that RunNextStage() will run, in [0, num_hidden_layers); -1 for the embedding,
  // num_hidden_layers for the head.
  int64_t next_layer() const;

  // The experts that RunNextStage() will use, in increasing order; none unless it is the second
  // stage of a mixture. Valid until then.
  absl::Span<const int32_t> next_experts() const;

  // Once done: [sum of logits_rows, vocab_size], segments in order. Valid until the pass is
  // destroyed or the decoder's next pass begins.
  absl::Span<const float> logits() const;
  absl::Span<const float> logits_row(int64_t row) const;

 private:
  friend class Decoder;
  struct State;
  explicit ForwardPass(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

class Decoder {
 public:
  // All pointers outlive the decoder. `weights` was bound for `spec`. A pass may not need more than
  // `max_activation_bytes`.
  Decoder(const DecoderSpec* spec, const BoundWeights* weights, const Kernels* kernels,
          WorkerPool* workers, int64_t max_activation_bytes = kMaxActivationBytes);
  ~Decoder();

  // Prepares a pass over `segments` (copied; what they point to outlives the pass).
  // RESOURCE_EXHAUSTED when there is no memory for its activations or they are over the bound.
  // REQUIRES: no other pass of this decoder is under way.
  absl::StatusOr<std::unique_ptr<ForwardPass>> Begin(absl::Span<const BatchSegment> segments);

  // The whole pass at once: for tests and tools.
  absl::StatusOr<std::unique_ptr<ForwardPass>> Forward(absl::Span<const BatchSegment> segments);

  // Gives the activations' memory back, which passes keep for the next one: for a model that has no
  // sequence left. REQUIRES: no pass of this decoder is alive.
  void ReleaseActivations() { activations_.Release(); }
  int64_t activation_bytes() const { return activations_.allocated_bytes(); }

 private:
  friend class ForwardPass;
  const DecoderSpec* const spec_;
  const BoundWeights* const weights_;
  const Kernels* const kernels_;
  WorkerPool* const workers_;
  Activations activations_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_DECODER_DECODER_H_
