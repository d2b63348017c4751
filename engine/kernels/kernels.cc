#include "engine/kernels/kernels.h"

#include "absl/strings/str_cat.h"
#include "engine/kernels/avx2/avx2.h"
#include "engine/kernels/avx512/avx512.h"
#include "engine/kernels/reference/reference.h"
#include "engine/kernels/tiled_product.h"

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

template <TileFunction MultiplyTile>
void Product(const ProductArgs& args, int64_t row_begin, int64_t row_end, float* scratch) {
  TiledProduct(MultiplyTile, args, row_begin, row_end, scratch);
}

constexpr Kernels kAvx2Kernels = {
    .isa = Isa::kAvx2,
    .product = Product<avx2::MultiplyTile>,
    .attention = avx2::Attention,
    .rms_norm = avx2::RmsNorm,
    .rope = avx2::Rope,
    .silu_and_multiply = avx2::SiluAndMultiply,
    .add = avx2::Add,
    .widen_row = avx2::WidenRow,
    .argmax = avx2::Argmax,
    .log_sum_exp = avx2::LogSumExp,
    .exp = avx2::Exp,
};

// Wider where it shows: the rest waits for memory, or takes a hundredth of a pass.
constexpr Kernels Avx512Kernels() {
  Kernels kernels = kAvx2Kernels;
  kernels.isa = Isa::kAvx512;
  kernels.product = Product<avx512::MultiplyTile>;
  return kernels;
}
constexpr Kernels kAvx512Kernels = Avx512Kernels();

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
    isa = IsaSupported(Isa::kAvx512) ? Isa::kAvx512 : Isa::kAvx2;
  }
  if (!IsaSupported(isa)) {
    return absl::FailedPreconditionError(
        absl::StrCat("isa: expected one that this machine has, found \"", IsaName(isa), "\""));
  }
  switch (isa) {
    case Isa::kReference:
      return &kReferenceKernels;
    case Isa::kAvx512:
      return &kAvx512Kernels;
    default:
      return &kAvx2Kernels;
  }
}

}  // namespace firstlight
