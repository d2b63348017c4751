#ifndef FIRSTLIGHT_ENGINE_KERNELS_ATTENTION_H_
#define FIRSTLIGHT_ENGINE_KERNELS_ATTENTION_H_

// Causal attention of consecutive positions of one sequence over its paged cache:
//
//   score[s] = soft_cap(scale * sum over d of query[d] * key[s, d]) + slope * (s - p)
//                                                for the positions s that position p attends
//   output   = sum over s of softmax(score)[s] * value[s]
//
// A head may have a sink: a score without a value, in every softmax of the head (transformers'
// gpt_oss). It comes before the first position.
//
// Position p attends s in [max(0, p - window + 1), p], or [0, p] without a window. Query head h
// uses key/value head h / (heads / kv_heads). soft_cap(x) is cap * tanh(x / cap), x without a cap.
//
// Order. A score is summed over d in increasing order by fused multiply-adds, then scaled. Softmax
// runs over blocks of 16 positions (those with the same s / 16) with a running maximum and
// rescaling (Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018): within a
// block the weighted values are added in increasing s, and the normalizer has a lane for each s mod
// 16, added as the tree of product.h at the end. So a row's result depends on its position alone:
// not on which rows share the call, on where blocks lie in memory, on the workers or on the
// instruction set.

#include <cstdint>

namespace firstlight {

// Positions that a block of the cache holds.
inline constexpr int64_t kAttentionBlockPositions = 16;

// One layer's part of a block of the cache, float32:
//   keys   [kv_heads, head_dim, 16]   (a position is a column: scores come out 16 at a time)
//   values [kv_heads, 16, value_dim]  right behind them
// Floats of both; value_dim is head_dim unless it is given:
static constexpr inline int64_t AttentionBlockFloats(int64_t kv_heads, int64_t head_dim,
                                                     int64_t value_dim = 0) {
  return kv_heads * (head_dim + (value_dim > 0 ? value_dim : head_dim)) * kAttentionBlockPositions;
}

// The blocks of one sequence, in order of position. Non-owning.
struct AttentionBlocks {
  float* const* blocks = nullptr;  // block b holds positions [16 b, 16 b + 16)
  int64_t layer_offset = 0;        // floats from a block's start to the layer's part
  int64_t kv_heads = 0;
  int64_t head_dim = 0;   // of a key
  int64_t value_dim = 0;  // of a value; 0: as a key

  int64_t value_size() const { return value_dim > 0 ? value_dim : head_dim; }
};

// Writes the key [kv_heads, head_dim] and the value [kv_heads, value_dim] of `position` into its
// block.
void StoreKeyValue(const AttentionBlocks& cache, int64_t position, const float* key,
                   const float* value);

struct AttentionArgs {
  const float* query = nullptr;  // [rows, heads, head_dim], positions first_position, +1, ...
  int64_t query_stride = 0;      // floats from a row to the next
  float* output = nullptr;       // [rows, heads, value_dim]; must not overlap the query
  int64_t output_stride = 0;     // floats from a row to the next
  int64_t rows = 0;
  int64_t first_position = 0;
  AttentionBlocks cache = {};  // positions [0, first_position + rows) are stored
  int64_t heads = 0;           // a multiple of cache.kv_heads
  float scale = 1.0F;
  int64_t window = 0;                   // positions attended, the row's own included; 0: all
  float soft_cap = 0.0F;                // 0: none
  const float* sinks = nullptr;         // [heads], or none
  const float* alibi_slopes = nullptr;  // [heads], or none: as if all were 0
};

// Computes the query heads of key/value heads [kv_head_begin, kv_head_end), every row. Threads:
// calls for disjoint heads, or for disjoint rows (each with args of its own), may run at once. Rows
// given together share the reading of keys and values: kAttentionRows or more are worth giving.
using AttentionFunction = void (*)(const AttentionArgs& args, int64_t kv_head_begin,
                                   int64_t kv_head_end);

// Rows of a chunk of a prompt to give to a worker at a time.
inline constexpr int64_t kAttentionRows = 32;

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_KERNELS_ATTENTION_H_
