#ifndef FIRSTLIGHT_ENGINE_KERNELS_PRODUCT_LAYOUT_H_
#define FIRSTLIGHT_ENGINE_KERNELS_PRODUCT_LAYOUT_H_

// How packed activations lie, and the blocks that a product works in: shared by the variants of the
// product, of no concern to their callers.
//
// A tile multiplies a few rows by a group of up to four tokens, 16 columns a step. Its activations
// are one stream: float32 [column blocks][groups][steps of the block][tokens of the group][16],
// zero beyond the last column. Functions have internal linkage: translation units for other
// instruction sets include this.

#include <cstdint>

namespace firstlight {

static constexpr int64_t kLanes = 16;
static constexpr int64_t kTokenGroup = 4;

// 512 columns: six widened rows (12 KiB) and four tokens (8 KiB) fit the first-level cache, and the
// lanes of a tile are put aside and taken up again only every 32 steps.
static constexpr int64_t kColumnBlock = 512;

// 48 rows by 64 tokens: activations are read from the last-level cache once for eight tiles,
// weights once for 64 tokens, and a column block of activations (128 KiB) and the lanes of every
// output (192 KiB) share the second level with room to spare.
static constexpr int64_t kRowBlock = 48;
static constexpr int64_t kTokenBlock = 64;

static constexpr inline int64_t PaddedColumns(int64_t columns) {
  return (columns + kLanes - 1) / kLanes * kLanes;
}

// Tokens in the group that `token` belongs to.
static constexpr inline int64_t GroupTokens(int64_t tokens, int64_t token) {
  const int64_t left = tokens - token / kTokenGroup * kTokenGroup;
  return left < kTokenGroup ? left : kTokenGroup;
}

// Padded columns of the block that starts at `block`.
static constexpr inline int64_t BlockColumns(int64_t columns, int64_t block) {
  const int64_t left = PaddedColumns(columns) - block;
  return left < kColumnBlock ? left : kColumnBlock;
}

// Where `token`'s first 16 columns of the block that starts at column `block` lie.
static constexpr inline int64_t PackedOffset(int64_t tokens, int64_t columns, int64_t token,
                                             int64_t block) {
  const int64_t group = token / kTokenGroup * kTokenGroup;
  return block * tokens + group * BlockColumns(columns, block) + (token - group) * kLanes;
}

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_KERNELS_PRODUCT_LAYOUT_H_
