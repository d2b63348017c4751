#include "engine/activations.h"

#include <algorithm>
#include <new>

#include "engine/kernels/product.h"

namespace firstlight {
namespace {

constexpr std::align_val_t kAlignment{64};
constexpr int64_t kAlignmentFloats = int64_t{64 / sizeof(float)};

}  // namespace

void Activations::Free::operator()(float* block) const { operator delete(block, kAlignment); }

void Activations::Reserve(const DecoderSpec& spec, int64_t tokens, int64_t logits_rows,
                          int workers) {
  const int64_t widest = std::max({spec.hidden_size, spec.query_size(), spec.intermediate_size});
  struct Part {
    float** buffer;
    int64_t floats;
  };
  const Part parts[] = {
      {&hidden, tokens * spec.hidden_size},
      {&normed, std::max(tokens, logits_rows) * spec.hidden_size},
      {&delta, tokens * spec.hidden_size},
      {&packed, PackedActivationFloats(std::max(tokens, logits_rows), widest)},
      {&projected, tokens * (spec.query_size() + 2 * spec.key_value_size())},
      {&attended, tokens * spec.query_size()},
      {&gate, tokens * spec.intermediate_size},
      {&up, tokens * spec.intermediate_size},
      {&cosine, tokens * spec.head_dim / 2},
      {&sine, tokens * spec.head_dim / 2},
      {&logits, logits_rows * spec.vocab_size},
      {&scratch_, workers * kProductScratchFloats},
  };
  const auto aligned = [](int64_t floats) {
    return (floats + kAlignmentFloats - 1) / kAlignmentFloats * kAlignmentFloats;
  };
  int64_t needed = 0;
  for (const Part& part : parts) needed += aligned(part.floats);
  if (needed > allocated_floats_) {
    Release();
    block_.reset(
        static_cast<float*>(operator new(static_cast<size_t>(needed) * sizeof(float), kAlignment)));
    allocated_floats_ = needed;
  }
  float* next = block_.get();
  for (const Part& part : parts) {
    *part.buffer = next;
    next += aligned(part.floats);
  }
}

void Activations::Release() {
  block_.reset();
  allocated_floats_ = 0;
}

float* Activations::scratch(int worker) const { return scratch_ + worker * kProductScratchFloats; }

}  // namespace firstlight
