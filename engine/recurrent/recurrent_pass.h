#ifndef FIRSTLIGHT_ENGINE_RECURRENT_RECURRENT_PASS_H_
#define FIRSTLIGHT_ENGINE_RECURRENT_RECURRENT_PASS_H_

// A recurrent layer (recurrent_spec.h) over the tokens of a pass, each sequence's going on from
// its own state. A token's result, and the state behind it, depend, to the bit, on nothing else in
// the pass and not on how its sequence was cut into passes.
//
// Workers share channels and heads: positions of a sequence are one after the other. One thread
// calls it, which blocks while the workers run.

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "engine/kernels/kernels.h"
#include "engine/recurrent/recurrent_spec.h"
#include "engine/recurrent/recurrent_weights.h"
#include "engine/workers/worker_pool.h"

namespace firstlight {

class RecurrentPass {
 public:
  // Consecutive rows of a pass that are one sequence's.
  struct Sequence {
    int64_t first_row = 0;
    int64_t rows = 0;         // at least 1
    int64_t prompt_rows = 0;  // the first ones, that are of its prompt
    bool begins = false;      // at its first position: what is in the state is not read
    float* state = nullptr;   // LayerStateFloats()
  };

  // What a layer works on.
  struct Layer {
    const RecurrentWeights* weights = nullptr;
    int64_t tokens = 0;                      // at least 1
    absl::Span<const Sequence> sequences{};  // all of them
    const float* packed = nullptr;           // [tokens, hidden_size], by PackActivations
    float* output = nullptr;                 // [tokens, hidden_size]; not the former
    float* buffer = nullptr;                 // BufferFloats(), 64-byte aligned
    float* scratch = nullptr;                // [workers, kProductScratchFloats], 64-byte aligned
  };

  // None where that is beyond int64_t.
  static std::optional<int64_t> BufferFloats(const RecurrentSpec& spec, int64_t tokens);

  // All outlive it. `norm_eps` is of its norms.
  RecurrentPass(const RecurrentSpec* spec, int64_t hidden_size, float norm_eps,
                const Kernels* kernels, WorkerPool* workers);

  // Writes `output` and the sequences' states.
  void Run(const Layer& layer);

 private:
  struct Buffers {
    float* projected;  // [tokens, projected_stride], in the end the packed y
    float* z;          // [tokens, z_stride]
    float* channels;   // [tokens, channels_stride], what is convolved
    float* convolved;  // [tokens, convolved_stride]; y at `inner` of a row in the end
    float* steps;      // [tokens, 2 * heads]: b and a as projected
    float* decay;      // [tokens, heads]
    float* step;       // [tokens, heads]
    int64_t projected_stride = 0;
    int64_t z_stride = 0;
    int64_t channels_stride = 0;
    int64_t convolved_stride = 0;
    int64_t inner = 0;
  };

  Buffers LayOut(const Layer& layer) const;
  void FindPromptRows(const Layer& layer);
  void ReadParameters(const RecurrentWeights& weights);
  void Project(const Layer& layer, const Buffers& buffers);
  void PrepareRow(const Buffers& buffers, int64_t row) const;
  void Multiply(const Buffers& buffers, int64_t row) const;
  void Ungroup(const Buffers& buffers, int64_t row) const;
  void ComputeSteps(const Buffers& buffers, int64_t row) const;
  void Convolve(const Layer& layer, const Buffers& buffers);
  void NormKeys(const Buffers& buffers, int64_t row) const;
  void Scan(const Layer& layer, const Buffers& buffers);
  void GateRow(const Layer& layer, const Buffers& buffers, int64_t row) const;

  template <typename Function>
  void ForRows(int64_t rows, Function function);

  const RecurrentSpec& spec_;
  const int64_t hidden_size_;
  const float norm_eps_;
  const Kernels& kernels_;
  WorkerPool& workers_;
  // Of the layer, [heads] each.
  std::vector<float> a_;  // exp(A_log)
  std::vector<float> dt_bias_;
  std::vector<float> d_;
  std::vector<bool> in_prompt_;  // [tokens], where prompts' steps are limited; else empty
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_RECURRENT_RECURRENT_PASS_H_
