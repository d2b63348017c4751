#ifndef FIRSTLIGHT_ENGINE_LATENT_LATENT_PASS_H_
#define FIRSTLIGHT_ENGINE_LATENT_LATENT_PASS_H_

// The projections of latent attention over the tokens of a pass: from a layer's normed input to
// queries, keys and values, turned by their positions, as attention and its cache take them. A
// token's result depends, to the bit, on nothing else in the pass.
//
// One thread calls it, which blocks while the workers run.

#include <cstdint>
#include <optional>

#include "engine/kernels/kernels.h"
#include "engine/latent/latent_spec.h"
#include "engine/workers/worker_pool.h"

namespace firstlight {

// Absent where the spec has no such weight.
struct LatentWeights {
  WeightRows query;         // [heads * head_dim, hidden_size], or the three of a low rank
  WeightRows query_a;       // [query_rank, hidden_size]
  WeightRows query_a_bias;  // [1, query_rank]
  WeightRows query_a_norm;  // [1, query_rank]
  WeightRows query_b;       // [heads * head_dim, query_rank]
  WeightRows kv_a;          // [rank + rope_dim, hidden_size]
  WeightRows kv_a_bias;     // [1, rank + rope_dim]
  WeightRows kv_a_norm;     // [1, rank]
  WeightRows kv_b;          // [heads * (head_dim - rope_dim + value_dim), rank]
};

// Calls `visit(rows)` for every weight, in the order of their use; absent ones have no data.
template <typename Visitor>
void VisitWeights(const LatentWeights& latent, Visitor&& visit) {
  const auto& [query, query_a, query_a_bias, query_a_norm, query_b, kv_a, kv_a_bias, kv_a_norm,
               kv_b] = latent;
  for (const WeightRows* rows : {&query, &query_a, &query_a_bias, &kv_a, &kv_a_bias, &query_a_norm,
                                 &query_b, &kv_a_norm, &kv_b}) {
    visit(*rows);
  }
}

class LatentPass {
 public:
  struct Heads {
    int64_t count = 0;
    int64_t head_dim = 0;  // of queries and keys
    int64_t rope_dim = 0;  // of that, the last elements, which turn; even
  };

  // What a layer works on.
  struct Layer {
    const LatentWeights* weights = nullptr;
    int64_t tokens = 0;             // at least 1
    const float* packed = nullptr;  // [tokens, hidden_size], by PackActivations
    RopePairing pairing = RopePairing::kHalves;
    const float* cosine = nullptr;  // of a token's position, [rope_dim / 2]
    const float* sine = nullptr;    // the same
    int64_t angle_stride = 0;       // floats from a token's cosines to the next's
    float* projected = nullptr;     // [tokens, query, key, value], by heads
    int64_t projected_stride = 0;   // floats from a token to the next
    float* buffer = nullptr;        // BufferFloats(), 64-byte aligned
    float* scratch = nullptr;       // [workers, kProductScratchFloats], 64-byte aligned
  };

  // None where that is beyond int64_t.
  static std::optional<int64_t> BufferFloats(const LatentSpec& spec, const Heads& heads,
                                             int64_t tokens);

  // All outlive it.
  LatentPass(const LatentSpec* spec, const Heads& heads, const Kernels* kernels,
             WorkerPool* workers);

  // Writes `projected`.
  void Project(const Layer& layer);

 private:
  struct Buffers {
    float* query_low;     // [tokens, query_rank]
    float* kv_low;        // [tokens, rank + rope_dim]
    float* query_packed;  // of the former, normed
    float* kv_packed;     // of the latter's first part, normed
    float* expanded;      // [tokens, heads, nope | value]
  };
  Buffers LayOut(const Layer& layer) const;
  void NormAndPack(const Layer& layer, const Buffers& buffers);
  void TurnAndPlace(const Layer& layer, const Buffers& buffers);
  // Two products of as many tokens as one loop over their rows; the second may be absent.
  void Multiply(const ProductArgs& first, const ProductArgs& second, float* scratch);

  const LatentSpec& spec_;
  const Heads heads_;
  const Kernels& kernels_;
  WorkerPool& workers_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_LATENT_LATENT_PASS_H_
