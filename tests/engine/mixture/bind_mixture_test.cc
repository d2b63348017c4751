#include "engine/mixture/bind_mixture.h"

#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int64_t kExperts = 3;
constexpr int64_t kHidden = 4;
constexpr int64_t kSize = 2;

// Tensors of float32 that number their elements; bytes of them for U8.
class FakeSource final : public TensorSource {
 public:
  void Add(const std::string& name, const Shape& shape, DType dtype = DType::kF32) {
    TensorView& view = tensors_[name];
    view.name = name;
    view.shape = shape;
    view.dtype = dtype;
    std::vector<float>& values = values_[name];
    values.resize(static_cast<size_t>(view.NumElements()));
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  }
  const float* ValuesOf(const std::string& name) { return values_[name].data(); }

  const TensorView* Find(const std::string& name) override {
    const auto found = tensors_.find(name);
    return found != tensors_.end() ? &found->second : nullptr;
  }
  WeightRows Weight(const std::string& name, const Shape& shape) override {
    return Rows(name, shape, shape.back(), values_[name].data());
  }
  WeightRows Rearranged(const std::string& name, const Shape& shape, int64_t columns,
                        Rearrangement rearrange, std::string_view reason) override {
    copied.emplace_back(reason);
    copies_.emplace_back(values_[name].size());
    if (!Has(name, shape)) return {};
    rearrange(shape, sizeof(float), reinterpret_cast<const std::byte*>(values_[name].data()),
              reinterpret_cast<std::byte*>(copies_.back().data()));
    return Rows(name, shape, columns, copies_.back().data());
  }
  const std::byte* Bytes(const std::string& name, const Shape& shape) override {
    return Has(name, shape) ? reinterpret_cast<const std::byte*>(values_[name].data()) : nullptr;
  }
  void Fail(const absl::Status& status) override { failures.emplace_back(status.message()); }

  std::vector<std::string> failures;
  std::vector<std::string> copied;

 private:
  bool Has(const std::string& name, const Shape& shape) {
    const TensorView* const tensor = Find(name);
    if (tensor != nullptr && tensor->shape == shape) return true;
    failures.push_back(StrCat(name, " ", ShapeToString(shape)));
    return false;
  }
  WeightRows Rows(const std::string& name, const Shape& shape, int64_t columns,
                  const float* values) {
    if (!Has(name, shape)) return {};
    return {.data = values,
            .type = WeightType::kF32,
            .rows = Find(name)->NumElements() / columns,
            .columns = columns,
            .row_stride = columns};
  }

  std::map<std::string, TensorView> tensors_;
  std::map<std::string, std::vector<float>> values_;
  std::vector<std::vector<float>> copies_;
};

MixtureSpec Spec() {
  MixtureSpec spec;
  spec.num_experts = kExperts;
  spec.experts_per_token = 1;
  spec.intermediate_size = kSize;
  return spec;
}

std::vector<float> Row(const WeightRows& rows, int64_t row) {
  std::vector<float> values(static_cast<size_t>(rows.columns));
  std::memcpy(values.data(), static_cast<const float*>(rows.data) + row * rows.row_stride,
              values.size() * sizeof(float));
  return values;
}

TEST(BindMixtureTest, ATensorAnExpert) {
  FakeSource source;
  source.Add("mlp.gate.weight", {kExperts, kHidden});
  for (int64_t e = 0; e < kExperts; ++e) {
    const std::string prefix = StrCat("mlp.experts.", e, ".");
    source.Add(prefix + "gate_proj.weight", {kSize, kHidden});
    source.Add(prefix + "up_proj.weight", {kSize, kHidden});
    source.Add(prefix + "down_proj.weight", {kHidden, kSize});
  }
  const MixtureWeights w = BindMixture(Spec(), kHidden, source);
  EXPECT_THAT(source.failures, IsEmpty());
  EXPECT_THAT(source.copied, IsEmpty());
  EXPECT_EQ(w.experts[2].up.data, source.ValuesOf("mlp.experts.2.up_proj.weight"));
  EXPECT_EQ(w.router.rows, kExperts);
  EXPECT_EQ(w.shared.gate.data, nullptr);
}

TEST(BindMixtureTest, OneTensorForAllExpertsIsSeenThroughViews) {
  FakeSource source;
  source.Add("mlp.gate.weight", {kExperts, kHidden});
  source.Add("mlp.experts.gate_up_proj", {kExperts, 2 * kSize, kHidden});
  source.Add("mlp.experts.down_proj", {kExperts, kHidden, kSize});
  MixtureSpec spec = Spec();
  const MixtureWeights halves = BindMixture(spec, kHidden, source);
  // Expert 1's rows begin at element 16: two of gate, two of up.
  EXPECT_THAT(Row(halves.experts[1].gate, 1), ElementsAre(20, 21, 22, 23));
  EXPECT_THAT(Row(halves.experts[1].up, 0), ElementsAre(24, 25, 26, 27));
  EXPECT_THAT(Row(halves.experts[2].down, 3), ElementsAre(22, 23));
  spec.interleaved = true;
  const MixtureWeights alternating = BindMixture(spec, kHidden, source);
  EXPECT_THAT(Row(alternating.experts[1].gate, 1), ElementsAre(24, 25, 26, 27));
  EXPECT_THAT(Row(alternating.experts[1].up, 0), ElementsAre(20, 21, 22, 23));
  EXPECT_THAT(source.failures, IsEmpty());
  EXPECT_THAT(source.copied, IsEmpty());
}

TEST(BindMixtureTest, WhatIsTransposedAndBiasesThatAlternateAreCopied) {
  FakeSource source;
  source.Add("mlp.gate.weight", {kExperts, kHidden});
  source.Add("mlp.experts.gate_up_proj", {kExperts, kHidden, 2 * kSize});
  source.Add("mlp.experts.gate_up_proj_bias", {kExperts, 2 * kSize});
  source.Add("mlp.experts.down_proj", {kExperts, kSize, kHidden});
  source.Add("mlp.experts.down_proj_bias", {kExperts, kHidden});
  MixtureSpec spec = Spec();
  spec.interleaved = true;
  spec.transposed = true;
  spec.expert_bias = true;
  const MixtureWeights w = BindMixture(spec, kHidden, source);
  EXPECT_THAT(source.failures, IsEmpty());
  EXPECT_EQ(source.copied.size(), 3U);
  // Output o of expert 1 is column o of its matrix, which begins at element 16.
  EXPECT_THAT(Row(w.experts[1].gate, 1), ElementsAre(18, 22, 26, 30));
  EXPECT_THAT(Row(w.experts[1].up, 0), ElementsAre(17, 21, 25, 29));
  EXPECT_THAT(Row(w.experts[1].down, 3), ElementsAre(11, 15));
  EXPECT_THAT(Row(w.experts[1].gate_bias, 0), ElementsAre(4, 6));
  EXPECT_THAT(Row(w.experts[1].up_bias, 0), ElementsAre(5, 7));
  EXPECT_EQ(w.experts[1].down_bias.data, source.ValuesOf("mlp.experts.down_proj_bias") + kHidden);
}

TEST(BindMixtureTest, BlocksAndScalesAreSeenThroughViews) {
  constexpr int64_t kWide = 64;
  FakeSource source;
  source.Add("mlp.gate.weight", {kExperts, kWide});
  source.Add("mlp.experts.gate_up_proj_blocks", {kExperts, 2 * kWide, 2, 16}, DType::kU8);
  source.Add("mlp.experts.gate_up_proj_scales", {kExperts, 2 * kWide, 2}, DType::kU8);
  source.Add("mlp.experts.down_proj_blocks", {kExperts, kWide, 2, 16}, DType::kU8);
  source.Add("mlp.experts.down_proj_scales", {kExperts, kWide, 2}, DType::kU8);
  MixtureSpec spec = Spec();
  spec.intermediate_size = kWide;
  spec.interleaved = true;
  spec.transposed = true;  // as the same family has it otherwise
  const MixtureWeights w = BindMixture(spec, kWide, source);
  EXPECT_THAT(source.failures, IsEmpty());
  EXPECT_THAT(source.copied, IsEmpty());
  const WeightRows& up = w.experts[1].up;
  const auto offset = [](const void* at, const void* from) {
    return static_cast<const std::byte*>(at) - static_cast<const std::byte*>(from);
  };
  const auto* const blocks = source.ValuesOf("mlp.experts.gate_up_proj_blocks");
  const auto* const scales = source.ValuesOf("mlp.experts.gate_up_proj_scales");
  EXPECT_EQ(up.type, WeightType::kMxfp4);
  EXPECT_EQ(up.rows, kWide);
  EXPECT_EQ(up.columns, kWide);
  EXPECT_EQ(up.row_stride, 2 * kWide);
  EXPECT_EQ(up.scale_stride, 4);
  EXPECT_EQ(offset(up.data, blocks), (2 * kWide + 1) * 32);
  EXPECT_EQ(offset(up.scales, scales), (2 * kWide + 1) * 2);
}

TEST(BindMixtureTest, RowsThatAreNoWholeBlocksAreRefused) {
  FakeSource source;
  source.Add("mlp.gate.weight", {kExperts, kHidden});
  source.Add("mlp.experts.gate_up_proj_blocks", {kExperts, 2 * kSize, 1, 16}, DType::kU8);
  const MixtureWeights w = BindMixture(Spec(), kHidden, source);
  ASSERT_EQ(source.failures.size(), 2U);
  EXPECT_THAT(source.failures[0], HasSubstr("mlp.experts.gate_up_proj_blocks"));
  EXPECT_THAT(source.failures[0], HasSubstr("found rows of 4"));
  EXPECT_EQ(w.experts[0].gate.data, nullptr);
}

TEST(BindMixtureTest, ACorrectionMayBeARowOfAMatrix) {
  FakeSource source;
  source.Add("mlp.gate.e_score_correction_bias", {1, kExperts});
  MixtureSpec spec = Spec();
  spec.correction_bias = true;
  const MixtureWeights w = BindMixture(spec, kHidden, source);
  EXPECT_EQ(w.correction.columns, kExperts);
  EXPECT_EQ(w.correction.data, source.ValuesOf("mlp.gate.e_score_correction_bias"));
}

}  // namespace
}  // namespace firstlight
