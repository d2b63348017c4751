#ifndef FIRSTLIGHT_ENGINE_KERNELS_REFERENCE_REFERENCE_H_
#define FIRSTLIGHT_ENGINE_KERNELS_REFERENCE_REFERENCE_H_

// The kernels in scalar C++, lane by lane as the contracts state them: slow, short, and what every
// other variant must equal to the bit.

#include "engine/kernels/attention.h"
#include "engine/kernels/product.h"
#include "engine/kernels/row_functions.h"

namespace firstlight::reference {

void Product(const ProductArgs& args, int64_t row_begin, int64_t row_end, float* scratch);
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

}  // namespace firstlight::reference

#endif  // FIRSTLIGHT_ENGINE_KERNELS_REFERENCE_REFERENCE_H_
