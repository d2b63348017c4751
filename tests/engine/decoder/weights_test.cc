#include "engine/decoder/weights.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "engine/model_config.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/engine/golden.h"
#include "tests/engine/llama_checkpoint.h"
#include "tests/loader/status_matchers.h"
#include "tests/loader/temporary_directory.h"

namespace firstlight {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// A tiny checkpoint whose config and tensors a test changes before it binds them.
class WeightsTest : public testing::Test {
 protected:
  absl::StatusOr<BoundWeights> Bind(const BindOptions& options = {}) {
    WriteCheckpoint(directory_.path(), LlamaConfig(shape_, more_config_), tensors_);
    auto checkpoint = Checkpoint::Open(directory_.path());
    EXPECT_THAT(checkpoint, IsOk());
    checkpoint_ = *std::move(checkpoint);
    const auto config = ParseModelConfig(checkpoint_->config());
    EXPECT_THAT(config, IsOk());
    return BindWeights(config->spec, *checkpoint_, options, &report_);
  }

  TensorDeclaration& Tensor(std::string_view name) {
    return *std::find_if(tensors_.begin(), tensors_.end(),
                         [name](const TensorDeclaration& tensor) { return tensor.name == name; });
  }
  void Remove(std::string_view name) {
    std::erase_if(tensors_, [name](const TensorDeclaration& t) { return t.name == name; });
  }
  const LoadReport::Slot& ReportOf(std::string_view slot) {
    return *std::find_if(report_.slots.begin(), report_.slots.end(),
                         [slot](const LoadReport::Slot& found) { return found.slot == slot; });
  }

  TemporaryDirectory directory_;
  LlamaShape shape_;
  std::string more_config_;
  std::vector<TensorDeclaration> tensors_ = LlamaTensors(shape_);
  std::unique_ptr<const Checkpoint> checkpoint_;
  LoadReport report_;
};

TEST_F(WeightsTest, EverySlotPointsIntoTheMapping) {
  const auto weights = Bind();
  ASSERT_THAT(weights, IsOk());
  EXPECT_EQ(weights->embedding.data, checkpoint_->Find("model.embed_tokens.weight")->data.data());
  EXPECT_EQ(weights->layers[0].down.weight.data,
            checkpoint_->Find("model.layers.0.mlp.down_proj.weight")->data.data());
  EXPECT_EQ(weights->layers[0].down.weight.rows, shape_.hidden_size);
  EXPECT_EQ(weights->layers[0].down.weight.columns, shape_.intermediate_size);
  EXPECT_EQ(weights->layers[0].down.bias.data, nullptr);
  EXPECT_EQ(report_.slots.size(), tensors_.size());
  EXPECT_EQ(report_.ComputeTotals().assigned_bytes, checkpoint_->tensor_bytes());
  EXPECT_EQ(report_.ComputeTotals().copied_bytes, 0);
  EXPECT_TRUE(report_.missing.empty());
  EXPECT_TRUE(report_.unexpected.empty());
}

TEST_F(WeightsTest, BindingReadsNoWeight) {
  shape_ = {.vocab_size = 65536, .hidden_size = 256, .num_attention_heads = 8};
  tensors_ = LlamaTensors(shape_);
  WriteCheckpoint(directory_.path(), LlamaConfig(shape_), tensors_, /*sparse=*/true);
  const auto checkpoint = Checkpoint::Open(directory_.path());
  ASSERT_THAT(checkpoint, IsOk());
  const auto config = ParseModelConfig((*checkpoint)->config());
  ASSERT_THAT(BindWeights(config->spec, **checkpoint, {}, &report_), IsOk());

  // The pages that hold the header, and what the system reads ahead of it, are in memory.
  const absl::Span<const std::byte> bytes = (*checkpoint)->files()[0]->bytes();
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t skipped = bytes.size() / 2 / page * page;
  std::vector<unsigned char> states((bytes.size() - skipped + page - 1) / page);
  ASSERT_EQ(mincore(const_cast<std::byte*>(bytes.data()) + skipped, bytes.size() - skipped,
                    states.data()),
            0);
  EXPECT_THAT(states, testing::Each(testing::Truly([](int state) { return (state & 1) == 0; })));
}

TEST_F(WeightsTest, DtypesMayDifferFromTensorToTensor) {
  Tensor("model.norm.weight").dtype = DType::kF32;
  Tensor("model.layers.0.self_attn.k_proj.weight").dtype = DType::kF16;
  const auto weights = Bind();
  ASSERT_THAT(weights, IsOk());
  EXPECT_EQ(weights->final_norm.weight.type, WeightType::kF32);
  EXPECT_EQ(weights->layers[0].key.weight.type, WeightType::kF16);
  EXPECT_EQ(weights->layers[0].value.weight.type, WeightType::kBF16);
}

TEST_F(WeightsTest, HeadIsTiedWhereTheFileHasNoneAndTheConfigTies) {
  more_config_ = R"(, "tie_word_embeddings": true)";
  Remove("lm_head.weight");
  const auto weights = Bind();
  ASSERT_THAT(weights, IsOk());
  EXPECT_EQ(weights->head.weight.data, weights->embedding.data);
  EXPECT_EQ(ReportOf("lm_head.weight").disposition, Disposition::kTied);
  EXPECT_EQ(ReportOf("lm_head.weight").detail, "model.embed_tokens.weight");
}

TEST_F(WeightsTest, HeadThatTheFileHoldsIsItsOwnAlthoughTheConfigTies) {
  more_config_ = R"(, "tie_word_embeddings": true)";
  const auto weights = Bind();
  ASSERT_THAT(weights, IsOk());
  EXPECT_EQ(weights->head.weight.data, checkpoint_->Find("lm_head.weight")->data.data());
  EXPECT_EQ(ReportOf("lm_head.weight").disposition, Disposition::kAssigned);
}

TEST_F(WeightsTest, HeadIsMissingWhereTheConfigDoesNotTie) {
  Remove("lm_head.weight");
  EXPECT_THAT(Bind(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("lm_head.weight")));
}

TEST_F(WeightsTest, MissingTensorsAreNamedAndAllReported) {
  Remove("model.layers.0.mlp.up_proj.weight");
  Remove("model.norm.weight");
  EXPECT_THAT(Bind(), StatusIs(absl::StatusCode::kInvalidArgument,
                               AllOf(HasSubstr("\"model.layers.0.mlp.up_proj.weight\""),
                                     HasSubstr("found none (nor 1 others)"))));
  ASSERT_EQ(report_.missing.size(), 2U);
  EXPECT_EQ(report_.missing[1].tensor, "model.norm.weight");
  EXPECT_EQ(report_.slots.size(), tensors_.size());
}

TEST_F(WeightsTest, BiasesThatTheConfigAsksForMustBeThere) {
  more_config_ = R"(, "attention_bias": true)";
  EXPECT_THAT(Bind(), StatusIs(absl::StatusCode::kInvalidArgument,
                               HasSubstr("model.layers.0.self_attn.q_proj.bias")));
}

TEST_F(WeightsTest, WrongShapeSaysWhichWasExpected) {
  Tensor("model.layers.0.self_attn.k_proj.weight").shape = {8, 4};
  EXPECT_THAT(
      Bind(),
      StatusIs(
          absl::StatusCode::kInvalidArgument,
          AllOf(HasSubstr("model.safetensors: tensor \"model.layers.0.self_attn.k_proj.weight\""),
                HasSubstr("expected shape [4, 8], found [8, 4]"))));
}

TEST_F(WeightsTest, EmbeddingMustHaveARowForEachTokenOfTheConfig) {
  Tensor("model.embed_tokens.weight").shape = {10, 8};
  EXPECT_THAT(Bind(), StatusIs(absl::StatusCode::kInvalidArgument,
                               HasSubstr("expected shape [11, 8], found [10, 8]")));
}

TEST_F(WeightsTest, UnsupportedDtypeIsNamed) {
  Tensor("model.layers.0.mlp.gate_proj.weight").dtype = DType::kI8;
  EXPECT_THAT(Bind(), StatusIs(absl::StatusCode::kUnimplemented,
                               AllOf(HasSubstr("\"model.layers.0.mlp.gate_proj.weight\""),
                                     HasSubstr("expected dtype F32, F16 or BF16, found I8"))));
}

TEST_F(WeightsTest, UnexpectedTensorsAreReportedAndDoNoHarm) {
  tensors_.push_back({"model.layers.0.self_attn.rotary_emb.inv_freq", DType::kF32, {1}});
  tensors_.push_back({"mask", DType::kBool, {4}});
  ASSERT_THAT(Bind(), IsOk());
  ASSERT_EQ(report_.unexpected.size(), 2U);
  EXPECT_EQ(report_.unexpected[0].tensor, "mask");
}

TEST_F(WeightsTest, NamesWithoutThePrefixOfTheBaseModelAreFound) {
  for (TensorDeclaration& tensor : tensors_) {
    if (tensor.name.starts_with("model.")) tensor.name = tensor.name.substr(6);
  }
  ASSERT_THAT(Bind(), IsOk());
  EXPECT_EQ(ReportOf("model.norm.weight").tensor, "norm.weight");
}

TEST_F(WeightsTest, CopiesWhenAsked) {
  const auto weights = Bind({.copy_weights = true});
  ASSERT_THAT(weights, IsOk());
  const TensorView& tensor = *checkpoint_->Find("model.embed_tokens.weight");
  EXPECT_NE(weights->embedding.data, tensor.data.data());
  EXPECT_EQ(std::memcmp(weights->embedding.data, tensor.data.data(), tensor.data.size()), 0);
  EXPECT_EQ(report_.ComputeTotals().copied_bytes, checkpoint_->tensor_bytes());
  EXPECT_EQ(ReportOf("model.norm.weight").detail, "copying was asked for");
}

// What became of the tensors of a golden's checkpoint.
LoadReport ReportOfGolden(const std::string& name) {
  LoadReport report;
  const auto checkpoint = Checkpoint::Open(ReadGolden(name).checkpoint);
  EXPECT_THAT(checkpoint, IsOk());
  const auto config = ParseModelConfig((*checkpoint)->config());
  EXPECT_THAT(config, IsOk());
  EXPECT_THAT(BindWeights(config->spec, **checkpoint, {}, &report), IsOk());
  EXPECT_TRUE(report.unexpected.empty());
  return report;
}

TEST(MixtureReportTest, ExpertsAreAssignedHoweverTheyAreStored) {
  for (const char* const name : {"mixtral", "mixtral-transformers-5", "granite-moe-shared",
                                 "deepseek-v3", "deepseek-v3-transformers-5"}) {
    EXPECT_EQ(ReportOfGolden(name).ComputeTotals().copied_bytes, 0) << name;
  }
}

TEST(MixtureReportTest, OfBlocksOnlyTheBiasesThatAlternateAreCopied) {
  int copied = 0;
  for (const LoadReport::Slot& slot : ReportOfGolden("gpt-oss").slots) {
    if (slot.disposition != Disposition::kCopied) continue;
    ++copied;
    EXPECT_THAT(slot.tensor, HasSubstr("gate_up_proj_bias"));
    EXPECT_EQ(slot.detail, "gate and up alternate in it");
  }
  EXPECT_EQ(copied, 2) << "one a layer";
}

TEST(MixtureReportTest, TransposedExpertsAreCopiedAndTheReasonIsTold) {
  for (const LoadReport::Slot& slot : ReportOfGolden("gpt-oss-transformers-5").slots) {
    if (slot.tensor.ends_with("gate_up_proj") || slot.tensor.ends_with("down_proj")) {
      EXPECT_EQ(slot.disposition, Disposition::kCopied) << slot.tensor;
      EXPECT_EQ(slot.detail, "stored transposed");
    }
  }
}

}  // namespace
}  // namespace firstlight
