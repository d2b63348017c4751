#ifndef FIRSTLIGHT_ENGINE_KERNELS_TILED_PRODUCT_H_
#define FIRSTLIGHT_ENGINE_KERNELS_TILED_PRODUCT_H_

// The blocks that a vector variant of the product works in, around the one function that differs
// between instruction sets: a tile of up to six rows and four tokens over a run of columns.
//
// A tile's sums stay in registers for the whole run; between runs their 16 lanes each are put aside
// as they are, which changes no bit. With more than one group of tokens, the first group widens the
// rows as it multiplies and leaves them in a panel, which the others read: widened once, contiguous
// (rows 4 KiB apart would collide in the first-level cache), fetched from memory beside arithmetic.

#include <cstdint>

#include "engine/kernels/product.h"
#include "engine/kernels/product_layout.h"

namespace firstlight {

static constexpr int kTileRows = 6;

enum class TileSource : uint8_t {
  kRows,              // the weight, where it is mapped
  kRowsFillingPanel,  // the same, leaving the widened rows in the panel
  kPanel,             // what a tile with the same rows and columns left there
};

struct TileArgs {
  TileSource source;
  WeightType type;
  int rows;                   // 1 to kTileRows
  int tokens;                 // 1 to kTokenGroup
  int64_t columns;            // of the run; the last step is padded with zeros
  const float* activations;   // [steps][tokens][16]
  const char* weight;         // first row, first column of the run; any address
  int64_t row_bytes;          // from a row to the next
  const uint8_t* scales;      // kMxfp4: of the first row's first block of the run
  int64_t scale_row_bytes;    // from a row's scales to the next's
  int64_t prefetch_distance;  // bytes from `weight` to the rows that will be read next
  float* panel;               // [steps][rows][16]
  bool resume;                // go on from `lanes` instead of from zero
  float* lanes;               // [rows][tokens][16]
};

using TileFunction = void (*)(const TileArgs& args);

// ProductFunction, but for the tile.
void TiledProduct(TileFunction multiply_tile, const ProductArgs& args, int64_t row_begin,
                  int64_t row_end, float* scratch);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_KERNELS_TILED_PRODUCT_H_
