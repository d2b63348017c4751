#include "engine/decoder/activations.h"

#include <limits>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/loader/status_matchers.h"

namespace firstlight {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

DecoderSpec Spec() {
  DecoderSpec spec;
  spec.vocab_size = 1000;
  spec.hidden_size = 64;
  spec.intermediate_size = 160;
  spec.num_attention_heads = 4;
  spec.num_key_value_heads = 2;
  spec.head_dim = 16;
  return spec;
}

TEST(ActivationsTest, TheBoundIsWhatIsAllocated) {
  Activations activations(kMax);
  ASSERT_THAT(activations.Reserve(Spec(), {.tokens = 7, .logits = 2}, 2), IsOk());
  const int64_t bytes = activations.allocated_bytes();
  EXPECT_THAT(CheckActivations(Spec(), {.tokens = 7, .logits = 2}, 2, bytes), IsOk());
  const absl::Status over = CheckActivations(Spec(), {.tokens = 7, .logits = 2}, 2, bytes - 1);
  EXPECT_THAT(over, StatusIs(absl::StatusCode::kResourceExhausted,
                             AllOf(HasSubstr("expected at most " + std::to_string(bytes - 1)),
                                   HasSubstr("found " + std::to_string(bytes)))));
  Activations bounded(bytes - 1);
  EXPECT_EQ(bounded.Reserve(Spec(), {.tokens = 7, .logits = 2}, 2), over);
  EXPECT_EQ(bounded.allocated_bytes(), 0);
  EXPECT_THAT(bounded.Reserve(Spec(), {.tokens = 1, .logits = 1}, 2), IsOk());
}

TEST(ActivationsTest, BuffersDoNotOverlap) {
  Activations activations(kMax);
  const DecoderSpec spec = Spec();
  ASSERT_THAT(activations.Reserve(spec, {.tokens = 3, .logits = 3}, 1), IsOk());
  EXPECT_GE(activations.normed - activations.hidden, 3 * spec.hidden_size);
  EXPECT_GE(activations.attended - activations.projected, 3 * spec.heads(0).projected_size());
  EXPECT_GE(activations.up - activations.gate, 3 * spec.intermediate_size);
  EXPECT_GE(activations.scratch(0) - activations.logits, 3 * spec.vocab_size);
}

TEST(ActivationsTest, SizesThatOverflowAreOverTheBound) {
  for (const PassRows& rows :
       {PassRows{.tokens = kMax / 8, .logits = 1}, PassRows{.tokens = 1, .logits = kMax / 8},
        PassRows{.tokens = kMax, .logits = kMax},
        PassRows{.tokens = kMax / 160 / 8, .logits = 1}}) {
    EXPECT_THAT(CheckActivations(Spec(), rows, 1, kMax),
                StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("or more")));
  }
}

TEST(ActivationsTest, NamesTheFieldThatMostComesFrom) {
  const PassRows rows = {.tokens = 512, .logits = 64};
  DecoderSpec spec = Spec();
  spec.vocab_size = int64_t{1} << 24;
  EXPECT_THAT(CheckActivations(spec, rows, 1, 1),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("config.json: field \"vocab_size\"")));
  spec.intermediate_size = int64_t{1} << 21;
  EXPECT_THAT(CheckActivations(spec, rows, 1, 1),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("config.json: field \"intermediate_size\"")));
}

}  // namespace
}  // namespace firstlight
