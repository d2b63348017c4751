#include "engine/kernels/product.h"

#include <algorithm>
#include <cstring>

#include "engine/kernels/product_layout.h"

namespace firstlight {

int64_t PackedActivationFloats(int64_t tokens, int64_t columns) {
  return tokens * PaddedColumns(columns);
}

void PackActivations(const float* input, int64_t input_stride, int64_t tokens, int64_t columns,
                     int64_t token_begin, int64_t token_end, float* packed) {
  for (int64_t token = token_begin; token < token_end; ++token) {
    const float* row = input + token * input_stride;
    const int64_t step_floats = GroupTokens(tokens, token) * kLanes;
    for (int64_t block = 0; block < columns; block += kColumnBlock) {
      const int64_t block_columns = std::min(columns - block, kColumnBlock);
      float* to = packed + PackedOffset(tokens, columns, token, block);
      int64_t column = 0;
      for (; column + kLanes <= block_columns; column += kLanes, to += step_floats) {
        std::memcpy(to, row + block + column, kLanes * sizeof(float));
      }
      if (column < block_columns) {
        const int64_t left = block_columns - column;
        std::memcpy(to, row + block + column, left * sizeof(float));
        std::fill(to + left, to + kLanes, 0.0F);
      }
    }
  }
}

int64_t ProductRowChunk(int64_t rows, int64_t columns, int64_t tokens, int workers) {
  // About a tenth of a millisecond of work at least, so that the hand-over does not show; about
  // eight chunks a worker, so that they end together.
  constexpr int64_t kWorthwhile = int64_t{1} << 20;  // multiply-adds or weights read
  const int64_t cost = std::max<int64_t>(columns * std::max<int64_t>(tokens / 8, 1), 1);
  const int64_t worthwhile = (kWorthwhile + cost - 1) / cost;
  const int64_t balanced = rows / (int64_t{8} * std::max(workers, 1));
  const int64_t chunk = std::max(worthwhile, balanced);
  return (chunk + kRowBlock - 1) / kRowBlock * kRowBlock;
}

}  // namespace firstlight
