#include "engine/kernels/kernels.h"

#include "gtest/gtest.h"

namespace firstlight {
namespace {

TEST(KernelsTest, NamesRoundTrip) {
  for (const Isa isa : {Isa::kAuto, Isa::kReference, Isa::kAvx2, Isa::kAvx512}) {
    EXPECT_EQ(ParseIsa(IsaName(isa)), isa);
  }
  EXPECT_EQ(ParseIsa("avx"), std::nullopt);
  EXPECT_EQ(ParseIsa(""), std::nullopt);
}

TEST(KernelsTest, AForcedTableIsTheOneAskedForOrAnError) {
  for (const Isa isa : {Isa::kReference, Isa::kAvx2, Isa::kAvx512}) {
    const absl::StatusOr<const Kernels*> kernels = SelectKernels(isa);
    if (IsaSupported(isa)) {
      ASSERT_TRUE(kernels.ok());
      EXPECT_EQ((*kernels)->isa, isa);
    } else {
      EXPECT_EQ(kernels.status().code(), absl::StatusCode::kFailedPrecondition);
    }
  }
}

TEST(KernelsTest, AutoIsTheWidestSupported) {
  const Isa widest = IsaSupported(Isa::kAvx512) ? Isa::kAvx512 : Isa::kAvx2;
  EXPECT_EQ((*SelectKernels(Isa::kAuto))->isa, widest);
}

}  // namespace
}  // namespace firstlight
