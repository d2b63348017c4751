#include "engine/kernels/kernels.h"

#include "absl/strings/str_cat.h"
#include "engine/kernels/reference/reference.h"

namespace firstlight {
namespace {

constexpr Kernels kReferenceKernels = {
    .isa = Isa::kReference,
    .product = reference::Product,
    .attention = reference::Attention,
    .rms_norm = reference::RmsNorm,
    .rope = reference::Rope,
    .silu_and_multiply = reference::SiluAndMultiply,
    .add = reference::Add,
    .widen_row = reference::WidenRow,
    .argmax = reference::Argmax,
    .log_sum_exp = reference::LogSumExp,
    .exp = reference::Exp,
};

// What this build has a table for.
constexpr const Kernels* TableOf(Isa isa) {
  return isa == Isa::kReference ? &kReferenceKernels : nullptr;
}

}  // namespace

absl::string_view IsaName(Isa isa) {
  switch (isa) {
    case Isa::kAuto:
      return "auto";
    case Isa::kReference:
      return "reference";
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvx512:
      return "avx512";
  }
  return "unknown";
}

std::optional<Isa> ParseIsa(absl::string_view name) {
  for (const Isa isa : {Isa::kAuto, Isa::kReference, Isa::kAvx2, Isa::kAvx512}) {
    if (name == IsaName(isa)) {
      return isa;
    }
  }
  return std::nullopt;
}

bool IsaSupported(Isa isa) {
  switch (isa) {
    case Isa::kAuto:
    case Isa::kReference:
      return true;
    case Isa::kAvx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
             __builtin_cpu_supports("f16c");
    case Isa::kAvx512:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  }
  return false;
}

absl::StatusOr<const Kernels*> SelectKernels(Isa isa) {
  if (isa == Isa::kAuto) {
    isa = Isa::kReference;
    for (const Isa wider : {Isa::kAvx2, Isa::kAvx512}) {
      if (IsaSupported(wider) && TableOf(wider) != nullptr) {
        isa = wider;
      }
    }
  }
  if (!IsaSupported(isa) || TableOf(isa) == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("isa: this machine cannot run \"", IsaName(isa), "\""));
  }
  return TableOf(isa);
}

}  // namespace firstlight
