#ifndef FIRSTLIGHT_ENGINE_ACTIVATIONS_H_
#define FIRSTLIGHT_ENGINE_ACTIVATIONS_H_

// The buffers of one forward pass, float32, in one block of anonymous memory that is kept for the
// next pass. Contents are undefined until a stage writes them.
//
// Not thread safe; during a pass the workers write disjoint rows.

#include <cstdint>
#include <memory>

#include "engine/decoder_spec.h"

namespace firstlight {

class Activations {
 public:
  // Makes room for a pass over `tokens` rows of which `logits_rows` want logits. Keeps the block
  // when it is large enough.
  void Reserve(const DecoderSpec& spec, int64_t tokens, int64_t logits_rows, int workers);

  // Gives the memory back.
  void Release();

  // What Reserve holds at most until Release.
  int64_t allocated_bytes() const { return allocated_floats_ * int64_t{sizeof(float)}; }

  // A worker's own scratch for products.
  float* scratch(int worker) const;

  float* hidden = nullptr;     // [tokens, hidden_size], the residual stream
  float* normed = nullptr;     // [tokens, hidden_size]
  float* delta = nullptr;      // [tokens, hidden_size], what a sublayer adds to hidden
  float* packed = nullptr;     // the input of a product, as the kernels read it
  float* projected = nullptr;  // [tokens, query_size + 2 key_value_size]: query, key, value
  float* attended = nullptr;   // [tokens, query_size]
  float* gate = nullptr;       // [tokens, intermediate_size]
  float* up = nullptr;         // [tokens, intermediate_size]
  float* cosine = nullptr;     // [tokens, head_dim / 2]
  float* sine = nullptr;       // [tokens, head_dim / 2]
  float* logits = nullptr;     // [logits_rows, vocab_size]

 private:
  struct Free {
    void operator()(float* block) const;
  };

  std::unique_ptr<float, Free> block_;
  int64_t allocated_floats_ = 0;
  float* scratch_ = nullptr;  // [workers, kProductScratchFloats]
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_ACTIVATIONS_H_
