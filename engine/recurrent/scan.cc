#include "engine/recurrent/scan.h"

#include <algorithm>
#include <cmath>

#include "engine/recurrent/recurrent_spec.h"

namespace firstlight {
namespace {

constexpr int64_t kLanes = kScanLanes;

}  // namespace

// S = decay S + key (step x); y = S query + skip x.
void ScanMamba2(const ScanArgs& args, int64_t first, int64_t lanes, float* state) {
  alignas(64) float x[kLanes] = {};
  alignas(64) float stepped[kLanes];
  for (int64_t row = 0; row < args.rows; ++row) {
    float* const value = args.value + row * args.value_stride + first;
    const float* const key = args.key + row * args.key_stride;
    const float* const query = args.query + row * args.key_stride;
    const float decay = args.decay[row * args.step_stride];
    const float step = args.step[row * args.step_stride];
    std::copy_n(value, lanes, x);
    for (int64_t i = 0; i < kLanes; ++i) stepped[i] = step * x[i];
    alignas(64) float sum[kLanes] = {};
    for (int64_t n = 0; n < args.state_size; ++n) {
      alignas(64) float s[kLanes];
      float* const at = state + n * kLanes;
      for (int64_t i = 0; i < kLanes; ++i) s[i] = std::fma(key[n], stepped[i], decay * at[i]);
      for (int64_t i = 0; i < kLanes; ++i) sum[i] = std::fma(s[i], query[n], sum[i]);
      for (int64_t i = 0; i < kLanes; ++i) at[i] = s[i];
    }
    for (int64_t i = 0; i < kLanes; ++i) sum[i] = std::fma(args.skip, x[i], sum[i]);
    std::copy_n(sum, lanes, value);
  }
}

// S = decay S; S = S + key (step (v - S key)); y = S query.
void ScanDeltaNet(const ScanArgs& args, int64_t first, int64_t lanes, float* state) {
  alignas(64) float v[kLanes] = {};
  alignas(64) float delta[kLanes];
  for (int64_t row = 0; row < args.rows; ++row) {
    float* const value = args.value + row * args.value_stride + first;
    const float* const key = args.key + row * args.key_stride;
    const float* const query = args.query + row * args.key_stride;
    const float decay = args.decay[row * args.step_stride];
    const float step = args.step[row * args.step_stride];
    std::copy_n(value, lanes, v);
    alignas(64) float known[kLanes] = {};
    for (int64_t n = 0; n < args.state_size; ++n) {
      alignas(64) float s[kLanes];
      float* const at = state + n * kLanes;
      for (int64_t i = 0; i < kLanes; ++i) s[i] = decay * at[i];
      for (int64_t i = 0; i < kLanes; ++i) known[i] = std::fma(s[i], key[n], known[i]);
      for (int64_t i = 0; i < kLanes; ++i) at[i] = s[i];
    }
    for (int64_t i = 0; i < kLanes; ++i) delta[i] = step * (v[i] - known[i]);
    alignas(64) float sum[kLanes] = {};
    for (int64_t n = 0; n < args.state_size; ++n) {
      alignas(64) float s[kLanes];
      float* const at = state + n * kLanes;
      for (int64_t i = 0; i < kLanes; ++i) s[i] = std::fma(key[n], delta[i], at[i]);
      for (int64_t i = 0; i < kLanes; ++i) sum[i] = std::fma(s[i], query[n], sum[i]);
      for (int64_t i = 0; i < kLanes; ++i) at[i] = s[i];
    }
    std::copy_n(sum, lanes, value);
  }
}

}  // namespace firstlight
