#include <algorithm>

#include "engine/kernels/reference/reference.h"
#include "engine/kernels/reference/scalar.h"

namespace firstlight::reference {
namespace {

float Dot(const ProductArgs& args, int64_t token, int64_t row) {
  const int64_t columns = args.weight.columns;
  float lanes[kLanes] = {};
  for (int64_t column = 0; column < columns; column += kLanes) {
    const int64_t block = column / kColumnBlock * kColumnBlock;
    const float* input = args.packed + PackedOffset(args.tokens, columns, token, block) +
                         (column - block) * GroupTokens(args.tokens, token);
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      const float weight =
          column + lane < columns ? LoadWeight(args.weight, row, column + lane) : 0.0F;
      lanes[lane] = std::fma(input[lane], weight, lanes[lane]);
    }
  }
  return SumLanes(lanes);
}

}  // namespace

void Product(const ProductArgs& args, int64_t row_begin, int64_t row_end, float* /*scratch*/) {
  for (int64_t token = 0; token < args.tokens; ++token) {
    for (int64_t row = row_begin; row < row_end; ++row) {
      float sum = Dot(args, token, row);
      if (args.bias.data != nullptr) {
        sum += LoadElement(args.bias.data, args.bias.type, row);
      }
      args.output[token * args.output_stride + row] = sum;
    }
  }
}

}  // namespace firstlight::reference
