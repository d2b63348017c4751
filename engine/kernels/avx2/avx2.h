#ifndef FIRSTLIGHT_ENGINE_KERNELS_AVX2_AVX2_H_
#define FIRSTLIGHT_ENGINE_KERNELS_AVX2_AVX2_H_

// The kernels for AVX2, FMA and F16C, the baseline of the build.

#include "engine/kernels/attention.h"
#include "engine/kernels/row_functions.h"
#include "engine/kernels/tiled_product.h"

namespace firstlight::avx2 {

void MultiplyTile(const TileArgs& args);
void Attention(const AttentionArgs& args, int64_t kv_head_begin, int64_t kv_head_end);
void RmsNorm(const float* input, int64_t count, const WeightRows& weight, float weight_offset,
             float epsilon, float* output);
void Rope(float* heads_data, int64_t heads, int64_t head_dim, int64_t rotary_dim,
          const float* cosine, const float* sine, RopePairing pairing);
void SiluAndMultiply(const float* gate, const float* up, int64_t count, float* output);
void Add(const float* input, int64_t count, float* output);
void WidenRow(const void* row, WeightType type, int64_t count, float scale, float* output);
int64_t Argmax(const float* input, int64_t count);
float LogSumExp(const float* input, int64_t count);
void Exp(const float* input, int64_t count, float* output);

}  // namespace firstlight::avx2

#endif  // FIRSTLIGHT_ENGINE_KERNELS_AVX2_AVX2_H_
