#ifndef FIRSTLIGHT_ENGINE_MIXTURE_MIXTURE_PASS_H_
#define FIRSTLIGHT_ENGINE_MIXTURE_MIXTURE_PASS_H_

// A mixture of experts over the tokens of a pass, in two steps: Route() chooses, Run() multiplies
// what was chosen. Between them a caller can see to it that the chosen experts are in memory.
//
// Tokens are grouped by expert, so that an expert's weights are read once a pass; the rows of all
// chosen experts are one loop over the workers, as a product of its own for each would leave them
// idle at its end. A token's result depends, to the bit, on nothing else in the pass: products do
// not (kernels/product.h), and its experts are added in increasing order.
//
// One thread calls it, which blocks while the workers run.

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "engine/kernels/kernels.h"
#include "engine/mixture/mixture_spec.h"
#include "engine/mixture/mixture_weights.h"
#include "engine/workers/worker_pool.h"

namespace firstlight {

class MixturePass {
 public:
  // What a layer works on. Everything outlives Run().
  struct Layer {
    const MixtureWeights* weights = nullptr;
    int64_t tokens = 0;            // at least 1
    const float* input = nullptr;  // [tokens, hidden_size], read by Run() alone
    // The same, by PackActivations; where the router has an input of its own, that one, until
    // Route() returns.
    const float* packed = nullptr;
    float* output = nullptr;   // [tokens, hidden_size]; neither of the two above
    float* buffer = nullptr;   // BufferFloats(), 64-byte aligned
    float* scratch = nullptr;  // [workers, kProductScratchFloats], 64-byte aligned
  };

  // Floats that a pass needs between Route() and Run()'s end; none where that is beyond int64_t.
  static std::optional<int64_t> BufferFloats(const MixtureSpec& spec, int64_t hidden_size,
                                             int64_t tokens);

  // All outlive it.
  MixturePass(const MixtureSpec* spec, int64_t hidden_size, const Kernels* kernels,
              WorkerPool* workers);

  // Chooses each token's experts. The layer holds until Run().
  void Route(const Layer& layer);
  // The experts that some token has chosen, in increasing order.
  absl::Span<const int32_t> chosen() const { return chosen_; }
  // Writes the layer's output. REQUIRES: Route() before.
  void Run();

 private:
  // Tokens that share an expert, which may be the shared one.
  struct Group {
    const ExpertWeights* expert;
    bool shared;
    int64_t first_row;  // of all groups' rows
    int64_t tokens;
    int64_t size;         // the expert's intermediate size
    const float* packed;  // [tokens, hidden_size]
    float* gate;          // [tokens, size], in the end what down takes
    float* up;            // [tokens, size], then the packed gate
    float* output;        // [tokens, hidden_size]
  };

  void GroupByExpert();
  void LayOutGroups();
  void PackInputs();
  void MultiplyGateAndUp();
  void PackGated();
  void MultiplyDown();
  void AddUp();

  // Runs function(group, begin, end, worker) over `rows_of(group)` rows of every group.
  template <typename RowsOf, typename Function>
  void ForGroupRows(int64_t columns_scale, RowsOf rows_of, Function function);
  // Runs function(group, begin, end) over the tokens of every group.
  template <typename Function>
  void ForGroupTokens(Function function);

  const MixtureSpec& spec_;
  const int64_t hidden_size_;
  const Kernels& kernels_;
  WorkerPool& workers_;

  Layer layer_;
  float* free_ = nullptr;          // what is left of the buffer
  float* shared_gate_ = nullptr;   // [tokens, 1], before the sigmoid
  std::vector<float> correction_;  // [num_experts], or empty
  std::vector<float> scale_;       // likewise
  std::vector<int32_t> experts_;   // [tokens, experts_per_token]
  std::vector<float> weights_;     // [tokens, experts_per_token]
  std::vector<int32_t> chosen_;    // experts
  std::vector<int64_t> counts_;    // [num_experts + 1]
  std::vector<int64_t> row_of_;    // [tokens, experts_per_token], among the groups' rows
  std::vector<int64_t> token_of_;  // [tokens * experts_per_token], by row
  std::vector<Group> groups_;      // by expert, the shared one last
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_MIXTURE_MIXTURE_PASS_H_
