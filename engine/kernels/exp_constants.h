#ifndef FIRSTLIGHT_ENGINE_KERNELS_EXP_CONSTANTS_H_
#define FIRSTLIGHT_ENGINE_KERNELS_EXP_CONSTANTS_H_

// exp(x) as every variant computes it, in float32:
//   x is clamped to [kExpLowest, kExpHighest] (a NaN stays)
//   n = x * kLog2E, rounded to the nearest integer, ties to even
//   r = fma(n, -kLn2High, x), then fma(n, -kLn2Low, r), in [-ln2/2, ln2/2] up to rounding
//   p = 1 + r + r^2 * (c2 + c3 r + c4 r^2 + c5 r^3 + c6 r^4), by Horner's rule in fused steps
//   exp(x) = p * 2^(n >> 1) * 2^(n - (n >> 1)), multiplied in this order: two factors, so that
//   neither leaves the normal range where the result underflows gradually or overflows.
// The coefficients minimize the greatest relative error over the interval (3.1e-9, a twentieth of
// float32's half ulp), found by iteratively reweighted least squares in double precision.

namespace firstlight {

static constexpr float kExpLowest = -104.0F;  // exp is 0 from about -103.97 down
static constexpr float kExpHighest = 89.0F;   // and infinite from about 88.72 up
static constexpr float kLog2E = 0x1.715476p+0F;
static constexpr float kLn2High = 0x1.62e4p-1F;  // 15 bits: n * kLn2High is exact
static constexpr float kLn2Low = 0x1.7f7d1cp-20F;
static constexpr float kExpC2 = 0x1.fffffcp-2F;
static constexpr float kExpC3 = 0x1.555492p-3F;
static constexpr float kExpC4 = 0x1.5558f2p-5F;
static constexpr float kExpC5 = 0x1.123a2p-7F;
static constexpr float kExpC6 = 0x1.6a23dp-10F;

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_KERNELS_EXP_CONSTANTS_H_
