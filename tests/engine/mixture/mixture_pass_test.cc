#include "engine/mixture/mixture_pass.h"

#include <cmath>
#include <cstring>
#include <memory>
#include <random>
#include <set>
#include <vector>

#include "engine/kernels/product.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace firstlight {
namespace {

constexpr int64_t kHidden = 20;
constexpr int64_t kTokens = 23;

std::vector<float> Random(std::mt19937& random, int64_t count) {
  std::normal_distribution<float> normal(0.0F, 0.5F);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = normal(random);
  return values;
}

// A mixture with weights of its own.
class TestMixture {
 public:
  explicit TestMixture(const MixtureSpec& spec) : spec_(spec), random_(7) {
    weights_.router = Rows(spec.num_experts, kHidden);
    if (spec.router_bias) weights_.router_bias = Rows(1, spec.num_experts);
    if (spec.correction_bias) weights_.correction = Rows(1, spec.num_experts);
    for (int64_t e = 0; e < spec.num_experts; ++e) {
      weights_.experts.push_back(Expert(spec.intermediate_size, spec.expert_bias));
    }
    if (spec.shared_intermediate_size > 0) {
      weights_.shared = Expert(spec.shared_intermediate_size, spec.shared_bias);
    }
    if (spec.shared_expert_gate) weights_.shared_expert_gate = Rows(1, kHidden);
  }

  const MixtureSpec& spec() const { return spec_; }
  MixtureWeights& weights() { return weights_; }

  // [tokens, kHidden], and the experts chosen by any.
  std::vector<float> Run(const std::vector<float>& input, int threads, Isa isa,
                         std::vector<int32_t>* chosen = nullptr) const {
    const Kernels& kernels = **SelectKernels(isa);
    WorkerPool workers(threads);
    const auto tokens = static_cast<int64_t>(input.size()) / kHidden;
    const int64_t buffer_floats = *MixturePass::BufferFloats(spec_, kHidden, tokens);
    const int64_t packed_floats = PackedActivationFloats(tokens, kHidden);
    constexpr std::align_val_t kAlignment{64};
    const auto allocate = [](int64_t floats) {
      return std::shared_ptr<float[]>(new (kAlignment) float[static_cast<size_t>(floats)],
                                      [](float* p) { operator delete[](p, kAlignment); });
    };
    const auto packed = allocate(packed_floats);
    const auto buffer = allocate(buffer_floats);
    const auto scratch = allocate(threads * kProductScratchFloats);
    PackActivations(input.data(), kHidden, tokens, kHidden, 0, tokens, packed.get());
    std::vector<float> output(input.size(), NAN);
    MixturePass pass(&spec_, kHidden, &kernels, &workers);
    pass.Route({.weights = &weights_,
                .tokens = tokens,
                .input = input.data(),
                .packed = packed.get(),
                .output = output.data(),
                .buffer = buffer.get(),
                .scratch = scratch.get()});
    if (chosen != nullptr) chosen->assign(pass.chosen().begin(), pass.chosen().end());
    pass.Run();
    return output;
  }

 private:
  WeightRows Rows(int64_t rows, int64_t columns) {
    storage_.push_back(Random(random_, rows * columns));
    return {.data = storage_.back().data(),
            .type = WeightType::kF32,
            .rows = rows,
            .columns = columns,
            .row_stride = columns};
  }
  ExpertWeights Expert(int64_t size, bool bias) {
    ExpertWeights expert;
    expert.gate = Rows(size, kHidden);
    expert.up = Rows(size, kHidden);
    expert.down = Rows(kHidden, size);
    if (bias) {
      expert.gate_bias = Rows(1, size);
      expert.up_bias = Rows(1, size);
      expert.down_bias = Rows(1, kHidden);
    }
    return expert;
  }

  MixtureSpec spec_;
  std::mt19937 random_;
  std::vector<std::vector<float>> storage_;
  MixtureWeights weights_;
};

double At(const WeightRows& rows, int64_t row, int64_t column) {
  return static_cast<const float*>(rows.data)[row * rows.row_stride + column];
}

std::vector<double> Linear(const WeightRows& weight, const WeightRows& bias,
                           const std::vector<double>& x) {
  std::vector<double> y(static_cast<size_t>(weight.rows));
  for (int64_t o = 0; o < weight.rows; ++o) {
    double sum = bias.data != nullptr ? At(bias, 0, o) : 0.0;
    for (int64_t i = 0; i < weight.columns; ++i)
      sum += At(weight, o, i) * x[static_cast<size_t>(i)];
    y[static_cast<size_t>(o)] = sum;
  }
  return y;
}

std::vector<double> RunExpert(const MixtureSpec& spec, const ExpertWeights& expert, bool clamped,
                              const std::vector<double>& x) {
  std::vector<double> gate = Linear(expert.gate, expert.gate_bias, x);
  const std::vector<double> up = Linear(expert.up, expert.up_bias, x);
  for (size_t i = 0; i < gate.size(); ++i) {
    if (clamped) {
      const double g = std::min(gate[i], spec.clamp.limit);
      const double u = std::max(std::min(up[i], spec.clamp.limit), -spec.clamp.limit);
      gate[i] = (u + 1) * g / (1 + std::exp(-spec.clamp.alpha * g));
    } else {
      gate[i] = gate[i] / (1 + std::exp(-gate[i])) * up[i];
    }
  }
  return Linear(expert.down, expert.down_bias, gate);
}

MixtureSpec Plain() {
  MixtureSpec spec;
  spec.num_experts = 6;
  spec.experts_per_token = 2;
  spec.intermediate_size = 18;
  spec.routing = {.score = RouterScore::kSoftmaxOfChosen};
  return spec;
}

MixtureSpec WithEverything() {
  MixtureSpec spec = Plain();
  spec.router_bias = true;
  spec.expert_bias = true;
  spec.shared_intermediate_size = 33;
  spec.shared_bias = true;
  spec.shared_expert_gate = true;
  spec.activation = GatedActivation::kClampedSwiglu;
  spec.clamp = {.alpha = 1.5, .limit = 0.75};
  return spec;
}

class MixturePassTest : public testing::TestWithParam<bool> {
 protected:
  MixtureSpec spec() const { return GetParam() ? WithEverything() : Plain(); }
};

// The definition in double precision. Sums are of some twenty terms below 4.
TEST_P(MixturePassTest, IsTheWeightedSumOfTheChosenExperts) {
  TestMixture mixture(spec());
  std::mt19937 random(1);
  const std::vector<float> input = Random(random, kTokens * kHidden);
  std::vector<int32_t> chosen;
  const std::vector<float> output = mixture.Run(input, 2, Isa::kAuto, &chosen);
  std::set<int32_t> wanted;
  for (int64_t t = 0; t < kTokens; ++t) {
    const std::vector<double> x(input.begin() + t * kHidden, input.begin() + (t + 1) * kHidden);
    const MixtureWeights& w = mixture.weights();
    const std::vector<double> logits = Linear(w.router, w.router_bias, x);
    std::vector<size_t> order(logits.size());
    for (size_t e = 0; e < order.size(); ++e) order[e] = e;
    std::sort(order.begin(), order.end(),
              [&](size_t a, size_t b) { return logits[a] > logits[b]; });
    const double first = 1 / (1 + std::exp(logits[order[1]] - logits[order[0]]));
    std::vector<double> expected(kHidden);
    for (size_t i = 0; i < 2; ++i) {
      wanted.insert(static_cast<int32_t>(order[i]));
      const std::vector<double> y = RunExpert(mixture.spec(), w.experts[order[i]], GetParam(), x);
      for (size_t d = 0; d < y.size(); ++d) expected[d] += (i == 0 ? first : 1 - first) * y[d];
    }
    if (mixture.spec().shared_intermediate_size > 0) {
      const std::vector<double> y = RunExpert(mixture.spec(), w.shared, false, x);
      const double gate = 1 / (1 + std::exp(-Linear(w.shared_expert_gate, {}, x)[0]));
      for (size_t d = 0; d < y.size(); ++d) expected[d] += gate * y[d];
    }
    for (int64_t d = 0; d < kHidden; ++d) {
      EXPECT_NEAR(output[static_cast<size_t>(t * kHidden + d)], expected[static_cast<size_t>(d)],
                  1e-4)
          << t << ", " << d;
    }
  }
  EXPECT_THAT(chosen, testing::ElementsAreArray(wanted));
}

TEST_P(MixturePassTest, ATokensResultDependsOnItAloneToTheBit) {
  const TestMixture mixture(spec());
  std::mt19937 random(2);
  const std::vector<float> input = Random(random, kTokens * kHidden);
  const std::vector<float> together = mixture.Run(input, 2, Isa::kAuto);
  for (const Isa isa : {Isa::kReference, Isa::kAvx2}) {
    EXPECT_EQ(together, mixture.Run(input, 1, isa)) << IsaName(isa);
  }
  for (int64_t t = 0; t < kTokens; ++t) {
    const auto begin = input.begin() + t * kHidden;
    const std::vector<float> alone = mixture.Run({begin, begin + kHidden}, 1, Isa::kAuto);
    EXPECT_EQ(std::memcmp(alone.data(), &together[static_cast<size_t>(t * kHidden)],
                          alone.size() * sizeof(float)),
              0)
        << t;
  }
}

// An expert whose weights may not even be looked at.
TEST_P(MixturePassTest, AnExpertThatIsNotChosenIsNeverRead) {
  TestMixture mixture(spec());
  std::mt19937 random(3);
  const std::vector<float> input = Random(random, kHidden);
  std::vector<int32_t> chosen;
  const std::vector<float> expected = mixture.Run(input, 1, Isa::kAuto, &chosen);
  ASSERT_EQ(chosen.size(), 2U);
  for (int32_t e = 0; e < mixture.spec().num_experts; ++e) {
    if (e == chosen[0] || e == chosen[1]) continue;
    ExpertWeights& expert = mixture.weights().experts[static_cast<size_t>(e)];
    for (WeightRows* rows : {&expert.gate, &expert.gate_bias, &expert.up, &expert.up_bias,
                             &expert.down, &expert.down_bias}) {
      rows->data = reinterpret_cast<const void*>(8);
    }
  }
  EXPECT_EQ(mixture.Run(input, 1, Isa::kAuto), expected);
}

INSTANTIATE_TEST_SUITE_P(Specs, MixturePassTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "WithEverything" : "Plain"; });

TEST(MixturePassBufferTest, SizesBeyondInt64AreNone) {
  MixtureSpec spec = Plain();
  EXPECT_GT(*MixturePass::BufferFloats(spec, kHidden, 1), 0);
  spec.intermediate_size = int64_t{1} << 61;
  EXPECT_FALSE(MixturePass::BufferFloats(spec, kHidden, 512).has_value());
}

}  // namespace
}  // namespace firstlight
