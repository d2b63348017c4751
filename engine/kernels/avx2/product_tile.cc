#include <immintrin.h>

#include <algorithm>
#include <cstring>

#include "engine/kernels/avx2/avx2.h"
#include "engine/kernels/mxfp4.h"

namespace firstlight::avx2 {
namespace {

constexpr int64_t kHalf = 8;  // lanes of a register

// Sixteen registers hold 12 sums of 8 lanes, so a tile is done in parts: some of its rows, and with
// three or four tokens one half of the lanes after the other.
template <int Tokens>
struct PartShape {
  static constexpr int kHalves = Tokens <= 2 ? 2 : 1;
  static constexpr int kRows = Tokens == 1 ? 6 : 3;
};

// 8 elements of a row, widened.
template <WeightType Type>
[[gnu::always_inline]] inline __m256 LoadWeights(const char* at) {
  if constexpr (Type == WeightType::kF32) {
    return _mm256_loadu_ps(reinterpret_cast<const float*>(at));
  } else {
    const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    if constexpr (Type == WeightType::kF16) {
      return _mm256_cvtph_ps(halves);
    } else {
      return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
    }
  }
}

// 8 elements, a quarter of a block. As bfloat16 an element is two bytes, each from a table of
// sixteen.
[[gnu::always_inline]] inline __m256 LoadMxfp4(const char* at, uint8_t scale) {
  const __m128i high_bytes = _mm_setr_epi8(0, 0x3F, 0x3F, 0x3F, 0x40, 0x40, 0x40, 0x40, -0x80,
                                           -0x41, -0x41, -0x41, -0x40, -0x40, -0x40, -0x40);
  const __m128i low_bytes = _mm_setr_epi8(0, 0, -0x80, -0x40, 0, 0x40, -0x80, -0x40, 0, 0, -0x80,
                                          -0x40, 0, 0x40, -0x80, -0x40);
  int32_t four_bytes;
  std::memcpy(&four_bytes, at, sizeof(four_bytes));
  const __m128i bytes = _mm_cvtepu8_epi16(_mm_cvtsi32_si128(four_bytes));
  const __m128i elements =
      _mm_and_si128(_mm_or_si128(bytes, _mm_slli_epi16(bytes, 4)), _mm_set1_epi8(15));
  const __m128i halves = _mm_unpacklo_epi8(_mm_shuffle_epi8(low_bytes, elements),
                                           _mm_shuffle_epi8(high_bytes, elements));
  const __m256 values = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
  return _mm256_mul_ps(values, _mm256_set1_ps(kE8m0.values[scale]));
}

// Where a part lies in its tile.
struct Part {
  int first_row;
  int first_half;
};

template <int Rows, int Tokens, int Halves>
struct Sums {
  __m256 sums[Rows][Tokens][Halves];

  static float* LanesOf(const TileArgs& args, Part part, int r, int t, int h) {
    return args.lanes + ((part.first_row + r) * Tokens + t) * kLanes +
           (part.first_half + h) * kHalf;
  }

  [[gnu::always_inline]] inline void Start(const TileArgs& args, Part part, bool resume) {
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 8
      for (int t = 0; t < Tokens; ++t) {
#pragma GCC unroll 8
        for (int h = 0; h < Halves; ++h) {
          sums[r][t][h] =
              resume ? _mm256_load_ps(LanesOf(args, part, r, t, h)) : _mm256_setzero_ps();
        }
      }
    }
  }

  [[gnu::always_inline]] inline void PutAside(const TileArgs& args, Part part) const {
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 8
      for (int t = 0; t < Tokens; ++t) {
#pragma GCC unroll 8
        for (int h = 0; h < Halves; ++h) {
          _mm256_store_ps(LanesOf(args, part, r, t, h), sums[r][t][h]);
        }
      }
    }
  }

  // One step of 16 columns; `load(r, h)` gives half h of the weights of row r.
  template <typename Load>
  [[gnu::always_inline]] inline void Step(const float* activations, Load load) {
#pragma GCC unroll 8
    for (int h = 0; h < Halves; ++h) {
      __m256 weights[Rows];
#pragma GCC unroll 8
      for (int r = 0; r < Rows; ++r) {
        weights[r] = load(r, h);
      }
#pragma GCC unroll 8
      for (int t = 0; t < Tokens; ++t) {
        const __m256 input = _mm256_load_ps(activations + t * kLanes + h * kHalf);
#pragma GCC unroll 8
        for (int r = 0; r < Rows; ++r) {
          sums[r][t][h] = _mm256_fmadd_ps(input, weights[r], sums[r][t][h]);
        }
      }
    }
  }
};

template <int Rows, int Tokens>
void PartFromPanel(const TileArgs& args, Part part) {
  Sums<Rows, Tokens, PartShape<Tokens>::kHalves> sums;
  sums.Start(args, part, args.resume);
  const float* activations = args.activations + part.first_half * kHalf;
  const float* panel = args.panel + part.first_row * kLanes + part.first_half * kHalf;
  const int64_t panel_step = args.rows * kLanes;
  for (int64_t column = 0; column < args.columns; column += kLanes) {
    sums.Step(activations,
              [panel](int r, int h) { return _mm256_load_ps(panel + r * kLanes + h * kHalf); });
    activations += Tokens * kLanes;
    panel += panel_step;
  }
  sums.PutAside(args, part);
}

template <int Rows, int Tokens, WeightType Type, bool FillPanel>
void PartFromRows(const TileArgs& args, Part part) {
  constexpr int64_t kHalfBytes = WeightBytes(Type, kHalf);
  constexpr int64_t kStepBytes = 2 * kHalfBytes;
  constexpr int64_t kLineSteps = 64 / kStepBytes;
  Sums<Rows, Tokens, PartShape<Tokens>::kHalves> sums;
  sums.Start(args, part, args.resume);
  const int64_t row_bytes = args.row_bytes;
  const float* activations = args.activations + part.first_half * kHalf;
  const char* const begin = args.weight + part.first_row * row_bytes + part.first_half * kHalfBytes;
  const char* weight = begin;
  float* panel = args.panel + part.first_row * kLanes + part.first_half * kHalf;
  const int64_t panel_step = args.rows * kLanes;
  const auto step = [&](const char* from, int64_t from_row_bytes) __attribute__((always_inline)) {
    sums.Step(activations, [&](int r, int h) __attribute__((always_inline)) {
      const __m256 weights = [&]() __attribute__((always_inline)) {
        const char* const at = from + r * from_row_bytes + h * kHalfBytes;
        if constexpr (Type == WeightType::kMxfp4) {
          const int64_t block = (weight - begin) / kMxfp4BlockBytes;
          return LoadMxfp4(at, args.scales[(part.first_row + r) * args.scale_row_bytes + block]);
        } else {
          return LoadWeights<Type>(at);
        }
      }();
      if constexpr (FillPanel) {
        _mm256_store_ps(panel + r * kLanes + h * kHalf, weights);
      }
      return weights;
    });
    activations += Tokens * kLanes;
    weight += kStepBytes;
    panel += panel_step;
  };
  int64_t column = 0;
  for (; column + kLineSteps * kLanes <= args.columns; column += kLineSteps * kLanes) {
    if constexpr (Rows > 1) {  // one row is one stream, which the machine follows by itself
#pragma GCC unroll 8
      for (int r = 0; r < Rows; ++r) {
        _mm_prefetch(weight + r * row_bytes + args.prefetch_distance, _MM_HINT_T1);
      }
    }
#pragma GCC unroll 2
    for (int64_t i = 0; i < kLineSteps; ++i) {
      step(weight, row_bytes);
    }
  }
  for (; column + kLanes <= args.columns; column += kLanes) {
    step(weight, row_bytes);
  }
  if constexpr (Type != WeightType::kMxfp4) {  // which has whole blocks
    if (column < args.columns) {
      // The last elements of each row, in front of zeros.
      char padded[Rows][kStepBytes] = {};
      const int64_t left = WeightBytes(Type, args.columns - column) - part.first_half * kHalfBytes;
      for (int r = 0; r < Rows && left > 0; ++r) {
        std::memcpy(padded[r], weight + r * row_bytes, left);
      }
      step(padded[0], kStepBytes);
    }
  }
  sums.PutAside(args, part);
}

template <int Rows, int Tokens, WeightType Type>
void MultiplyPart(const TileArgs& args, Part part) {
  switch (args.source) {
    case TileSource::kRows:
      return PartFromRows<Rows, Tokens, Type, false>(args, part);
    case TileSource::kRowsFillingPanel:
      if constexpr (Tokens == kTokenGroup) {  // others follow, so this group is full
        PartFromRows<Rows, Tokens, Type, true>(args, part);
      }
      return;
    case TileSource::kPanel:
      return PartFromPanel<Rows, Tokens>(args, part);
  }
}

template <int Tokens, WeightType Type>
void MultiplyParts(const TileArgs& args) {
  using Shape = PartShape<Tokens>;
  for (int row = 0; row < args.rows;) {
    const int rows = std::min(Shape::kRows, args.rows - row) == Shape::kRows ? Shape::kRows : 1;
    for (int half = 0; half < 2; half += Shape::kHalves) {
      if (rows == Shape::kRows) {
        MultiplyPart<Shape::kRows, Tokens, Type>(args, {row, half});
      } else {
        MultiplyPart<1, Tokens, Type>(args, {row, half});
      }
    }
    row += rows;
  }
}

// Runs no longer than a column block: a later part finds what an earlier one read still cached.
template <int Tokens, WeightType Type>
void MultiplyRuns(const TileArgs& args) {
  TileArgs run = args;
  for (int64_t column = 0; column < args.columns; column += kColumnBlock) {
    run.columns = std::min(kColumnBlock, args.columns - column);
    MultiplyParts<Tokens, Type>(run);
    run.activations += Tokens * run.columns;
    run.weight += WeightBytes(Type, run.columns);
    if constexpr (Type == WeightType::kMxfp4) run.scales += run.columns / kMxfp4BlockElements;
    run.resume = true;
  }
}

template <WeightType Type>
void WithTokens(const TileArgs& args) {
  switch (args.tokens) {
    case 1:
      return MultiplyRuns<1, Type>(args);
    case 2:
      return MultiplyRuns<2, Type>(args);
    case 3:
      return MultiplyRuns<3, Type>(args);
    case 4:
      return MultiplyRuns<4, Type>(args);
    default:
      return;
  }
}

}  // namespace

void MultiplyTile(const TileArgs& args) {
  switch (args.type) {
    case WeightType::kF32:
      return WithTokens<WeightType::kF32>(args);
    case WeightType::kF16:
      return WithTokens<WeightType::kF16>(args);
    case WeightType::kBF16:
      return WithTokens<WeightType::kBF16>(args);
    case WeightType::kMxfp4:
      return WithTokens<WeightType::kMxfp4>(args);
  }
}

}  // namespace firstlight::avx2
