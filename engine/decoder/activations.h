#ifndef FIRSTLIGHT_ENGINE_DECODER_ACTIVATIONS_H_
#define FIRSTLIGHT_ENGINE_DECODER_ACTIVATIONS_H_

// The buffers of one forward pass, float32, in one block of anonymous memory that is kept for the
// next pass. Contents are undefined until a stage writes them.
//
// What a pass needs follows from the sizes in a config.json, which are anybody's: it is computed
// with checked arithmetic, compared with a bound when the model loads (CheckActivations) and before
// it is allocated.
//
// Not thread safe; during a pass the workers write disjoint rows.

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "engine/decoder/decoder_spec.h"

namespace firstlight {

// The rows of a pass.
struct PassRows {
  int64_t tokens = 0;
  int64_t logits = 0;  // of them, those that want logits
};

// The bound where nobody sets another: 4 GiB, eight times what a 405B model needs for a step of 512
// rows.
inline constexpr int64_t kMaxActivationBytes = int64_t{4} << 30;

// OK when a pass over `rows` fits `max_bytes`; else RESOURCE_EXHAUSTED with both numbers and the
// field of config.json that most of it comes from.
absl::Status CheckActivations(const DecoderSpec& spec, const PassRows& rows, int workers,
                              int64_t max_bytes);

class Activations {
 public:
  explicit Activations(int64_t max_bytes) : max_bytes_(max_bytes) {}

  // Makes room for a pass over `rows`. Keeps the block when it is large enough. RESOURCE_EXHAUSTED
  // when it would exceed the bound or when there is no memory; the buffers are then unusable until
  // a call succeeds.
  absl::Status Reserve(const DecoderSpec& spec, const PassRows& rows, int workers);

  // Gives the memory back.
  void Release();

  // What Reserve holds at most until Release.
  int64_t allocated_bytes() const { return allocated_floats_ * int64_t{sizeof(float)}; }

  // A worker's own scratch for products.
  float* scratch(int worker) const;

  float* hidden = nullptr;  // [tokens, hidden_size], the residual stream
  float* normed = nullptr;  // [tokens, hidden_size]
  float* delta = nullptr;   // [tokens, hidden_size], what a sublayer adds to hidden
  float* packed = nullptr;  // the input of a product, as the kernels read it
  // The next, where a file has it in another order (QkvLayout); what OutputGate takes.
  float* grouped = nullptr;
  float* projected = nullptr;  // [tokens, projected_size], of the layer's heads
  // [tokens, hidden_size], delta of a layer's second mixer, or of an MLP that has experts beside
  // it.
  float* beside = nullptr;
  float* recurrent = nullptr;        // what recurrent layers need (recurrent/recurrent_pass.h)
  float* latent = nullptr;           // what latent attention needs (latent/latent_pass.h)
  float* attended = nullptr;         // [tokens, attended_size]
  float* gate = nullptr;             // [tokens, the layer's intermediate_size]
  float* up = nullptr;               // likewise
  float* mixture = nullptr;          // what a mixture of experts needs (mixture/mixture_pass.h)
  float* per_layer_input = nullptr;  // [tokens, num_hidden_layers, per_layer_input.size]
  float* per_layer_gate = nullptr;   // [tokens, per_layer_input.size]
  float* cosine = nullptr;           // [tokens, rotary_pairs]
  float* sine = nullptr;             // [tokens, rotary_pairs]
  float* logits = nullptr;           // [logits_rows, vocab_size]

 private:
  struct Free {
    void operator()(float* block) const;
  };

  int64_t max_bytes_;
  std::unique_ptr<float, Free> block_;
  int64_t allocated_floats_ = 0;
  float* scratch_ = nullptr;  // [workers, kProductScratchFloats]
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_DECODER_ACTIVATIONS_H_
