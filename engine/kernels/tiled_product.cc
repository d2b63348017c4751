#include "engine/kernels/tiled_product.h"

#include <immintrin.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "engine/kernels/mxfp4.h"

namespace firstlight {
namespace {

constexpr int64_t kTileLanes = kTileRows * kTokenGroup * kLanes;
constexpr int64_t kGroupsOfBlock = kTokenBlock / kTokenGroup;
constexpr int64_t kTilesOfBlock = kRowBlock / kTileRows;
constexpr int64_t kPanelFloats = kTileRows * kColumnBlock;

// With one token every weight is used once and the product runs at the speed of memory. Short rows,
// read one after the other, are one sequential stream, which the machine prefetches by itself and
// faster than six streams a row apart; the sums of the next row begin before those of the last one
// are done. In longer rows one chain of sums waits for itself, and six rows side by side win.
constexpr int64_t kStreamedRowBytes = 6144;

static_assert(kPanelFloats + kTilesOfBlock * kGroupsOfBlock * kTileLanes <= kProductScratchFloats);

// The first three levels of the tree: 16 lanes to 4, j with j + 8, then j with j + 4.
__m128 HalveTwice(const float* lanes) {
  const __m256 sum = _mm256_add_ps(_mm256_load_ps(lanes), _mm256_load_ps(lanes + 8));
  return _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1));
}

// The sums of four times 16 lanes.
__m128 SumFour(const float* lanes) {
  const __m128 a = HalveTwice(lanes);
  const __m128 b = HalveTwice(lanes + kLanes);
  const __m128 c = HalveTwice(lanes + 2 * kLanes);
  const __m128 d = HalveTwice(lanes + 3 * kLanes);
  const __m128 ab = _mm_add_ps(_mm_unpacklo_ps(a, b), _mm_unpackhi_ps(a, b));
  const __m128 cd = _mm_add_ps(_mm_unpacklo_ps(c, d), _mm_unpackhi_ps(c, d));
  return _mm_add_ps(_mm_movelh_ps(ab, cd), _mm_movehl_ps(cd, ab));
}

float LoadBias(const WeightRows& bias, int64_t row) {
  const char* at = static_cast<const char*>(bias.data) + row * WeightTypeBytes(bias.type);
  uint32_t bits = 0;
  std::memcpy(&bits, at, WeightTypeBytes(bias.type));
  switch (bias.type) {
    case WeightType::kF32:
      return std::bit_cast<float>(bits);
    case WeightType::kF16:
      return _cvtsh_ss(static_cast<uint16_t>(bits));
    case WeightType::kBF16:
      return std::bit_cast<float>(bits << 16);
    case WeightType::kMxfp4:
      break;  // not a bias
  }
  return 0.0F;
}

// Adds up a tile's lanes, [rows][tokens][16], and writes its outputs.
void FinishTile(const ProductArgs& args, int64_t row, int rows, int64_t token, int tokens,
                const float* lanes) {
  alignas(16) float sums[kTileRows * kTokenGroup];
  for (int i = 0; i < rows * tokens; i += 4) {
    _mm_store_ps(sums + i, SumFour(lanes + i * kLanes));
  }
  for (int r = 0; r < rows; ++r) {
    float* output = args.output + token * args.output_stride + row + r;
    const float* row_sums = sums + int64_t{r} * tokens;
    if (args.bias.data != nullptr) {
      const float bias = LoadBias(args.bias, row + r);
      for (int t = 0; t < tokens; ++t) {
        output[t * args.output_stride] = row_sums[t] + bias;
      }
    } else {
      for (int t = 0; t < tokens; ++t) {
        output[t * args.output_stride] = row_sums[t];
      }
    }
  }
}

// A row block by a token block.
class BlockProduct {
 public:
  BlockProduct(TileFunction multiply_tile, const ProductArgs& args, float* scratch)
      : multiply_tile_(multiply_tile),
        args_(args),
        panel_(scratch),
        lanes_(scratch + kPanelFloats),
        row_bytes_(WeightBytes(args.weight.type, args.weight.row_stride)),
        // One group's activations are one stream whatever the blocks: its sums need not be put
        // aside.
        run_columns_(args.tokens <= kTokenGroup ? std::max<int64_t>(args.weight.columns, 1)
                                                : kColumnBlock),
        row_by_row_(args.tokens == 1 && row_bytes_ <= kStreamedRowBytes) {}

  void Run(int64_t row_begin, int64_t row_end, int64_t token_begin, int64_t token_end) {
    for (int64_t column = 0; column < args_.weight.columns; column += run_columns_) {
      for (int64_t row = row_begin; row < row_end; row += kTileRows) {
        const int64_t rows = std::min<int64_t>(kTileRows, row_end - row);
        // What is read next: the next rows, or after the last ones the block's first rows further
        // on.
        const bool rows_follow =
            row + rows < row_end || column + run_columns_ >= args_.weight.columns;
        const int64_t prefetch_distance =
            rows_follow
                ? rows * row_bytes_
                : WeightBytes(args_.weight.type, run_columns_) - (row - row_begin) * row_bytes_;
        MultiplyRows(row, static_cast<int>(rows), column, token_begin, token_end,
                     LanesOfRows(row - row_begin), prefetch_distance);
      }
    }
    for (int64_t row = row_begin; row < row_end; row += kTileRows) {
      const float* lanes = LanesOfRows(row - row_begin);
      for (int64_t token = token_begin; token < token_end; token += kTokenGroup) {
        FinishTile(args_, row, static_cast<int>(std::min<int64_t>(kTileRows, row_end - row)), token,
                   GroupSize(token, token_end), lanes);
        lanes += kTileLanes;
      }
    }
  }

  // As Run, for no columns: sums of nothing.
  void ClearLanes() {
    std::fill(lanes_, lanes_ + kTilesOfBlock * kGroupsOfBlock * kTileLanes, 0.0F);
  }

 private:
  static int GroupSize(int64_t token, int64_t token_end) {
    return static_cast<int>(std::min<int64_t>(kTokenGroup, token_end - token));
  }

  float* LanesOfRows(int64_t row_in_block) {
    return lanes_ + row_in_block / kTileRows * kGroupsOfBlock * kTileLanes;
  }

  const uint8_t* ScalesOf(int64_t row, int64_t column) const {
    if (args_.weight.type != WeightType::kMxfp4) return nullptr;
    return static_cast<const uint8_t*>(args_.weight.scales) + row * args_.weight.scale_stride +
           column / kMxfp4BlockElements;
  }

  // A tile's rows over one run of columns, every group of tokens.
  void MultiplyRows(int64_t row, int rows, int64_t column, int64_t token_begin, int64_t token_end,
                    float* lanes, int64_t prefetch_distance) {
    TileArgs tile = {
        .source = token_begin + kTokenGroup < token_end ? TileSource::kRowsFillingPanel
                                                        : TileSource::kRows,
        .type = args_.weight.type,
        .rows = rows,
        .tokens = 0,
        .columns = std::min(run_columns_, args_.weight.columns - column),
        .activations = nullptr,
        .weight = static_cast<const char*>(args_.weight.data) + row * row_bytes_ +
                  WeightBytes(args_.weight.type, column),
        .row_bytes = row_bytes_,
        .scales = ScalesOf(row, column),
        .scale_row_bytes = args_.weight.scale_stride,
        .prefetch_distance = prefetch_distance,
        .panel = panel_,
        .resume = column > 0,
        .lanes = lanes,
    };
    if (row_by_row_) {
      tile.rows = 1;
      tile.tokens = 1;
      tile.activations = args_.packed + PackedOffset(1, args_.weight.columns, 0, column);
      for (int row_of_tile = 0; row_of_tile < rows; ++row_of_tile) {
        multiply_tile_(tile);
        tile.weight += row_bytes_;
        tile.scales = ScalesOf(row + row_of_tile + 1, column);
        tile.lanes += kLanes;
      }
      return;
    }
    for (int64_t token = token_begin; token < token_end; token += kTokenGroup) {
      tile.tokens = GroupSize(token, token_end);
      tile.activations =
          args_.packed + PackedOffset(args_.tokens, args_.weight.columns, token, column);
      multiply_tile_(tile);
      tile.source = TileSource::kPanel;
      tile.lanes += kTileLanes;
    }
  }

  const TileFunction multiply_tile_;
  const ProductArgs& args_;
  float* const panel_;
  float* const lanes_;
  const int64_t row_bytes_;
  const int64_t run_columns_;
  const bool row_by_row_;
};

}  // namespace

void TiledProduct(TileFunction multiply_tile, const ProductArgs& args, int64_t row_begin,
                  int64_t row_end, float* scratch) {
  BlockProduct product(multiply_tile, args, scratch);
  if (args.weight.columns == 0) {
    product.ClearLanes();
  }
  for (int64_t row = row_begin; row < row_end; row += kRowBlock) {
    for (int64_t token = 0; token < args.tokens; token += kTokenBlock) {
      product.Run(row, std::min(row + kRowBlock, row_end), token,
                  std::min(token + kTokenBlock, args.tokens));
    }
  }
}

}  // namespace firstlight
