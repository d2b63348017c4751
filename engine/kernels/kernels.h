#ifndef FIRSTLIGHT_ENGINE_KERNELS_KERNELS_H_
#define FIRSTLIGHT_ENGINE_KERNELS_KERNELS_H_

// The arithmetic of the engine as a table of functions, one table for each instruction set. It is
// chosen once, at start; tests and `--isa` force one. All tables give the same bits for the same
// arguments: what a model says does not depend on the machine's vector width.
//
// A table is immutable and lives as long as the process; any thread may call its functions.

#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/kernels/attention.h"
#include "engine/kernels/product.h"
#include "engine/kernels/row_functions.h"

namespace firstlight {

enum class Isa : uint8_t {
  kAuto,       // the widest that this machine has
  kReference,  // scalar C++: what the others are tested against
  kAvx2,       // AVX2, FMA, F16C: the baseline of the build
  kAvx512,     // AVX-512 F, BW, DQ, VL
};

// "auto", "reference", "avx2", "avx512": as `--isa` spells them.
absl::string_view IsaName(Isa isa);
std::optional<Isa> ParseIsa(absl::string_view name);

struct Kernels {
  Isa isa;
  ProductFunction product;
  AttentionFunction attention;
  RmsNormFunction rms_norm;
  RopeFunction rope;
  SiluAndMultiplyFunction silu_and_multiply;
  AddFunction add;
  WidenRowFunction widen_row;
  ArgmaxFunction argmax;
  LogSumExpFunction log_sum_exp;
  ExpFunction exp;
};

// Whether this machine, and the system on it, can run `isa`.
bool IsaSupported(Isa isa);

// The table for `isa`. FAILED_PRECONDITION naming the instruction set when the machine lacks it.
absl::StatusOr<const Kernels*> SelectKernels(Isa isa);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_KERNELS_KERNELS_H_
