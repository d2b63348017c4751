#include <immintrin.h>

#include "engine/kernels/avx512/avx512.h"
#include "engine/kernels/mxfp4.h"

namespace firstlight::avx512 {
namespace {

// 16 elements of a row, widened. A mask leaves out those beyond the row's end.
template <WeightType Type>
[[gnu::always_inline]] inline __m512 LoadWeights(const char* at) {
  if constexpr (Type == WeightType::kF32) {
    return _mm512_loadu_ps(at);
  } else {
    const __m256i halves = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
    if constexpr (Type == WeightType::kF16) {
      return _mm512_cvtph_ps(halves);
    } else {
      return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
    }
  }
}

// 16 elements, half a block.
[[gnu::always_inline]] inline __m512 LoadMxfp4(const char* at, uint8_t scale) {
  const __m128i bytes = _mm_cvtepu8_epi16(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(at)));
  const __m128i elements =
      _mm_and_si128(_mm_or_si128(bytes, _mm_slli_epi16(bytes, 4)), _mm_set1_epi8(15));
  const __m512 values =
      _mm512_permutexvar_ps(_mm512_cvtepu8_epi32(elements), _mm512_loadu_ps(kE2m1));
  return _mm512_mul_ps(values, _mm512_set1_ps(kE8m0.values[scale]));
}

template <WeightType Type>
[[gnu::always_inline]] inline __m512 LoadWeightsMasked(const char* at, __mmask16 mask) {
  if constexpr (Type == WeightType::kF32) {
    return _mm512_maskz_loadu_ps(mask, at);
  } else {
    const __m256i halves = _mm256_maskz_loadu_epi16(mask, at);
    if constexpr (Type == WeightType::kF16) {
      return _mm512_cvtph_ps(halves);
    } else {
      return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
    }
  }
}

template <int Rows, int Tokens>
struct Tile {
  __m512 sums[Rows][Tokens];

  [[gnu::always_inline]] inline void Start(const TileArgs& args) {
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 8
      for (int t = 0; t < Tokens; ++t) {
        sums[r][t] = args.resume ? _mm512_load_ps(args.lanes + (r * Tokens + t) * kLanes)
                                 : _mm512_setzero_ps();
      }
    }
  }

  [[gnu::always_inline]] inline void PutAside(const TileArgs& args) const {
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 8
      for (int t = 0; t < Tokens; ++t) {
        _mm512_store_ps(args.lanes + (r * Tokens + t) * kLanes, sums[r][t]);
      }
    }
  }

  // One step of 16 columns; `load(r)` gives the weights of row r.
  template <typename Load>
  [[gnu::always_inline]] inline void Step(const float* activations, Load load) {
    __m512 inputs[Tokens];
#pragma GCC unroll 8
    for (int t = 0; t < Tokens; ++t) {
      inputs[t] = _mm512_load_ps(activations + t * kLanes);
    }
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r) {
      const __m512 weights = load(r);
#pragma GCC unroll 8
      for (int t = 0; t < Tokens; ++t) {
        sums[r][t] = _mm512_fmadd_ps(inputs[t], weights, sums[r][t]);
      }
    }
  }
};

template <int Rows, int Tokens>
void FromPanel(const TileArgs& args) {
  Tile<Rows, Tokens> tile;
  tile.Start(args);
  const float* activations = args.activations;
  const float* panel = args.panel;
  for (int64_t column = 0; column < args.columns; column += kLanes) {
    tile.Step(activations, [panel](int r) { return _mm512_load_ps(panel + r * kLanes); });
    activations += Tokens * kLanes;
    panel += Rows * kLanes;
  }
  tile.PutAside(args);
}

template <int Rows, int Tokens, WeightType Type, bool FillPanel>
void FromRows(const TileArgs& args) {
  constexpr int64_t kStepBytes = WeightBytes(Type, kLanes);
  constexpr int64_t kLineSteps = 64 / kStepBytes;
  Tile<Rows, Tokens> tile;
  tile.Start(args);
  const float* activations = args.activations;
  const char* weight = args.weight;
  const int64_t row_bytes = args.row_bytes;
  float* panel = args.panel;
  const auto step = [&](auto load) __attribute__((always_inline)) {
    tile.Step(activations, [&](int r) __attribute__((always_inline)) {
      const __m512 weights = load(r);
      if constexpr (FillPanel) {
        _mm512_store_ps(panel + r * kLanes, weights);
      }
      return weights;
    });
    activations += Tokens * kLanes;
    weight += kStepBytes;
    panel += Rows * kLanes;
  };
  const auto load = [&](int r) __attribute__((always_inline)) {
    if constexpr (Type == WeightType::kMxfp4) {
      const int64_t block = (weight - args.weight) / kMxfp4BlockBytes;
      return LoadMxfp4(weight + r * row_bytes, args.scales[r * args.scale_row_bytes + block]);
    } else {
      return LoadWeights<Type>(weight + r * row_bytes);
    }
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
      step(load);
    }
  }
  for (; column + kLanes <= args.columns; column += kLanes) {
    step(load);
  }
  if constexpr (Type != WeightType::kMxfp4) {  // which has whole blocks
    if (column < args.columns) {
      const auto mask = static_cast<__mmask16>((1U << (args.columns - column)) - 1);
      step([&](int r) __attribute__((always_inline)) {
        return LoadWeightsMasked<Type>(weight + r * row_bytes, mask);
      });
    }
  }
  tile.PutAside(args);
}

template <int Rows, int Tokens, WeightType Type>
void FromRowsOrPanel(const TileArgs& args) {
  switch (args.source) {
    case TileSource::kRows:
      return FromRows<Rows, Tokens, Type, false>(args);
    case TileSource::kRowsFillingPanel:
      if constexpr (Tokens == kTokenGroup) {  // others follow, so this group is full
        FromRows<Rows, Tokens, Type, true>(args);
      }
      return;
    case TileSource::kPanel:
      return FromPanel<Rows, Tokens>(args);
  }
}

template <int Rows, int Tokens>
void WithType(const TileArgs& args) {
  switch (args.type) {
    case WeightType::kF32:
      return FromRowsOrPanel<Rows, Tokens, WeightType::kF32>(args);
    case WeightType::kF16:
      return FromRowsOrPanel<Rows, Tokens, WeightType::kF16>(args);
    case WeightType::kBF16:
      return FromRowsOrPanel<Rows, Tokens, WeightType::kBF16>(args);
    case WeightType::kMxfp4:
      return FromRowsOrPanel<Rows, Tokens, WeightType::kMxfp4>(args);
  }
}

template <int Rows>
void WithTokens(const TileArgs& args) {
  switch (args.tokens) {
    case 1:
      return WithType<Rows, 1>(args);
    case 2:
      return WithType<Rows, 2>(args);
    case 3:
      return WithType<Rows, 3>(args);
    case 4:
      return WithType<Rows, 4>(args);
    default:
      return;
  }
}

}  // namespace

void MultiplyTile(const TileArgs& args) {
  switch (args.rows) {
    case 1:
      return WithTokens<1>(args);
    case 2:
      return WithTokens<2>(args);
    case 3:
      return WithTokens<3>(args);
    case 4:
      return WithTokens<4>(args);
    case 5:
      return WithTokens<5>(args);
    case 6:
      return WithTokens<6>(args);
    default:
      return;
  }
}

}  // namespace firstlight::avx512
