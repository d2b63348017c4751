#include <cmath>
#include <limits>

#include "engine/kernels/avx2/avx2.h"
#include "engine/kernels/avx2/vector_math.h"

namespace firstlight::avx2 {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Calls body(index, count) for each 8 elements, count == 8, and for the fewer that remain.
template <typename Body>
inline void ForEachEight(int64_t count, Body body) {
  int64_t i = 0;
  for (; i + kWidth <= count; i += kWidth) {
    body(i, kWidth);
  }
  if (i < count) {
    body(i, count - i);
  }
}

inline __m256 Load(const float* at, int64_t count, float fill = 0.0F) {
  return count == kWidth ? _mm256_loadu_ps(at) : LoadRest(at, count, fill);
}

inline void Store(float* at, int64_t count, __m256 values) {
  if (count == kWidth) {
    _mm256_storeu_ps(at, values);
  } else {
    StoreRest(at, count, values);
  }
}

// The greatest value, NaN aside; -infinity when there is none.
float Greatest(const float* input, int64_t count) {
  __m256 most = Splat(-kInfinity);
  ForEachEight(count, [&](int64_t i, int64_t n) {
    most = _mm256_max_ps(Load(input + i, n, -kInfinity), most);
  });
  return MaxOf(most);
}

__m256 Negate(__m256 x) { return _mm256_xor_ps(x, Splat(-0.0F)); }

void RotateHalves(float* head, int64_t pairs, const float* cosine, const float* sine) {
  ForEachEight(pairs, [&](int64_t i, int64_t n) {
    const __m256 a = Load(head + i, n);
    const __m256 b = Load(head + pairs + i, n);
    const __m256 c = Load(cosine + i, n);
    const __m256 s = Load(sine + i, n);
    Store(head + i, n, _mm256_fmadd_ps(Negate(b), s, _mm256_mul_ps(a, c)));
    Store(head + pairs + i, n, _mm256_fmadd_ps(a, s, _mm256_mul_ps(b, c)));
  });
}

void RotateNeighbours(float* head, int64_t pairs, const float* cosine, const float* sine) {
  for (int64_t pair = 0; pair < pairs; ++pair) {
    float* a = head + 2 * pair;
    float* b = a + 1;
    const float rotated = std::fma(-*b, sine[pair], *a * cosine[pair]);
    *b = std::fma(*a, sine[pair], *b * cosine[pair]);
    *a = rotated;
  }
}

}  // namespace

void RmsNorm(const float* input, int64_t count, const WeightRows& weight, float weight_offset,
             float epsilon, float* output) {
  __m256 squares[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
  ForEachEight(count, [&](int64_t i, int64_t n) {
    const __m256 x = Load(input + i, n);
    __m256& sum = squares[i / kWidth % 2];
    sum = _mm256_fmadd_ps(x, x, sum);
  });
  const float mean = SumLanes(squares[0], squares[1]) / static_cast<float>(count);
  const __m256 scale = Splat(1.0F / std::sqrt(mean + epsilon));
  const __m256 offset = Splat(weight_offset);
  const char* stored = static_cast<const char*>(weight.data);
  const int64_t element_bytes = WeightTypeBytes(weight.type);
  ForEachEight(count, [&](int64_t i, int64_t n) {
    const char* at = stored + i * element_bytes;
    const __m256 w =
        n == kWidth ? LoadWeights(at, weight.type) : LoadWeightsRest(at, weight.type, n);
    const __m256 x = _mm256_mul_ps(Load(input + i, n), scale);
    Store(output + i, n, _mm256_mul_ps(_mm256_add_ps(offset, w), x));
  });
}

void Rope(float* heads_data, int64_t heads, int64_t head_dim, int64_t rotary_dim,
          const float* cosine, const float* sine, RopePairing pairing) {
  const auto rotate = pairing == RopePairing::kHalves ? RotateHalves : RotateNeighbours;
  for (int64_t head = 0; head < heads; ++head) {
    rotate(heads_data + head * head_dim, rotary_dim / 2, cosine, sine);
  }
}

void SiluAndMultiply(const float* gate, const float* up, int64_t count, float* output) {
  ForEachEight(count, [&](int64_t i, int64_t n) {
    const __m256 g = Load(gate + i, n);
    const __m256 denominator = _mm256_add_ps(Splat(1.0F), Exp(Negate(g)));
    Store(output + i, n, _mm256_mul_ps(_mm256_div_ps(g, denominator), Load(up + i, n)));
  });
}

void Add(const float* input, int64_t count, float* output) {
  ForEachEight(count, [&](int64_t i, int64_t n) {
    Store(output + i, n, _mm256_add_ps(Load(output + i, n), Load(input + i, n)));
  });
}

void WidenRow(const void* row, WeightType type, int64_t count, float scale, float* output) {
  const int64_t element_bytes = WeightTypeBytes(type);
  ForEachEight(count, [&](int64_t i, int64_t n) {
    const char* at = static_cast<const char*>(row) + i * element_bytes;
    const __m256 w = n == kWidth ? LoadWeights(at, type) : LoadWeightsRest(at, type, n);
    Store(output + i, n, _mm256_mul_ps(Splat(scale), w));
  });
}

int64_t Argmax(const float* input, int64_t count) {
  const float greatest = Greatest(input, count);
  if (greatest == -kInfinity) {
    return 0;
  }
  const __m256 wanted = Splat(greatest);
  int64_t i = 0;
  for (; i + kWidth <= count; i += kWidth) {
    const int found =
        _mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(input + i), wanted, _CMP_EQ_OQ));
    if (found != 0) {
      return i + __builtin_ctz(found);
    }
  }
  while (input[i] != greatest) {
    ++i;
  }
  return i;
}

float LogSumExp(const float* input, int64_t count) {
  const float greatest = Greatest(input, count);
  if (greatest == -kInfinity) {
    return -kInfinity;
  }
  __m256 sums[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
  ForEachEight(count, [&](int64_t i, int64_t n) {
    const __m256 x = _mm256_sub_ps(Load(input + i, n, -kInfinity), Splat(greatest));
    __m256& sum = sums[i / kWidth % 2];
    sum = _mm256_add_ps(sum, Exp(x));
  });
  return greatest + static_cast<float>(std::log(static_cast<double>(SumLanes(sums[0], sums[1]))));
}

void Exp(const float* input, int64_t count, float* output) {
  ForEachEight(count, [&](int64_t i, int64_t n) { Store(output + i, n, Exp(Load(input + i, n))); });
}

}  // namespace firstlight::avx2
