#include "engine/residency/weight_plan.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/decoder/weights.h"
#include "gmock/gmock.h"
#include "loader/mapped_file.h"
#include "tests/engine/llama_checkpoint.h"
#include "tests/loader/temporary_directory.h"

namespace firstlight {
namespace {

constexpr int64_t kElementBytes = 2;  // BF16

class WeightPlanTest : public testing::Test {
 protected:
  void Bind(const LlamaShape& shape, bool tied, BindOptions options = {}) {
    std::vector<TensorDeclaration> tensors = LlamaTensors(shape);
    if (tied) tensors.erase(tensors.begin() + 2);
    WriteCheckpoint(directory_.path(),
                    LlamaConfig(shape, tied ? ", \"tie_word_embeddings\": true" : ""), tensors);
    absl::StatusOr<std::unique_ptr<Checkpoint>> checkpoint = Checkpoint::Open(directory_.path());
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    checkpoint_ = *std::move(checkpoint);
    DecoderSpec spec;
    spec.vocab_size = shape.vocab_size;
    spec.hidden_size = shape.hidden_size;
    spec.intermediate_size = shape.intermediate_size;
    spec.num_hidden_layers = shape.num_hidden_layers;
    spec.num_attention_heads = shape.num_attention_heads;
    spec.num_key_value_heads = shape.num_key_value_heads;
    spec.head_dim = shape.hidden_size / shape.num_attention_heads;
    spec.head.tied = tied;
    LoadReport report;
    absl::StatusOr<BoundWeights> weights = BindWeights(spec, *checkpoint_, options, &report);
    ASSERT_TRUE(weights.ok()) << weights.status();
    weights_ = *std::move(weights);
  }

  // Whether `ranges` are the tensors of `names`, each byte of each once and nothing else.
  void ExpectCovers(const WeightPlan::Ranges& ranges, const std::vector<std::string>& names) const {
    int64_t bytes = 0;
    for (const ByteRange& range : ranges) {
      EXPECT_EQ(range.file, checkpoint_->files().front().get());
      bytes += static_cast<int64_t>(range.bytes.size());
    }
    for (const std::string& name : names) {
      const TensorView* const tensor = checkpoint_->Find(name);
      ASSERT_NE(tensor, nullptr) << name;
      bytes -= static_cast<int64_t>(tensor->data.size());
      bool found = false;
      for (const ByteRange& range : ranges) {
        found = found || (range.bytes.data() <= tensor->data.data() &&
                          tensor->data.data() + tensor->data.size() <=
                              range.bytes.data() + range.bytes.size());
      }
      EXPECT_TRUE(found) << name;
    }
    EXPECT_EQ(bytes, 0);
  }

  static std::vector<std::string> LayerNames(const LlamaShape& shape, int64_t layer) {
    std::vector<std::string> names;
    const std::string prefix = "model.layers." + std::to_string(layer) + ".";
    for (const TensorDeclaration& tensor : LlamaTensors(shape)) {
      if (tensor.name.starts_with(prefix)) names.push_back(tensor.name);
    }
    return names;
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Checkpoint> checkpoint_;
  BoundWeights weights_;
};

// Layer 10 lies before layer 2 in a file that is sorted by name.
TEST_F(WeightPlanTest, StagesAreInTheOrderOfExecutionAndTheHeadIsLast) {
  const LlamaShape shape{.num_hidden_layers = 11};
  Bind(shape, /*tied=*/false);
  const WeightPlan plan(weights_, *checkpoint_);
  ASSERT_EQ(plan.stages().size(), 12u);
  EXPECT_EQ(plan.head_stage(), 11);
  std::vector<std::string> every_pass = {"model.norm.weight", "lm_head.weight"};
  ExpectCovers(plan.stages()[11], every_pass);
  for (int64_t layer = 0; layer < 11; ++layer) {
    const std::vector<std::string> names = LayerNames(shape, layer);
    ASSERT_EQ(names.size(), 9u);
    ExpectCovers(plan.stages()[static_cast<size_t>(layer)], names);
    every_pass.insert(every_pass.end(), names.begin(), names.end());
  }
  ExpectCovers(plan.every_pass(), every_pass);
  EXPECT_EQ(plan.all_bytes() - plan.every_pass_bytes(),
            shape.vocab_size * shape.hidden_size * kElementBytes);
  EXPECT_EQ(plan.all_bytes(), checkpoint_->tensor_bytes());
}

TEST_F(WeightPlanTest, OfTheEmbeddingOnlyTheRowsOfTheTokens) {
  const LlamaShape shape;
  Bind(shape, /*tied=*/false);
  const WeightPlan plan(weights_, *checkpoint_);
  const TensorView& table = *checkpoint_->Find("model.embed_tokens.weight");
  const size_t row_bytes = static_cast<size_t>(shape.hidden_size * kElementBytes);
  // Rows 4 and 5 touch; a token that comes twice is one row.
  const WeightPlan::Ranges rows = plan.EmbeddingRows({9, 4, 5, 0, 4});
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].bytes.data(), table.data.data());
  EXPECT_EQ(rows[0].bytes.size(), row_bytes);
  EXPECT_EQ(rows[1].bytes.data(), table.data.data() + 4 * row_bytes);
  EXPECT_EQ(rows[1].bytes.size(), 2 * row_bytes);
  EXPECT_EQ(rows[2].bytes.data(), table.data.data() + 9 * row_bytes);
  EXPECT_EQ(rows[2].bytes.size(), row_bytes);
  ExpectCovers(plan.embedding(), {"model.embed_tokens.weight"});
}

TEST_F(WeightPlanTest, ATiedHeadIsTheWholeTable) {
  const LlamaShape shape;
  Bind(shape, /*tied=*/true);
  const WeightPlan plan(weights_, *checkpoint_);
  ExpectCovers(plan.stages().back(), {"model.norm.weight", "model.embed_tokens.weight"});
  EXPECT_EQ(plan.all_bytes(), plan.every_pass_bytes());
  EXPECT_EQ(plan.all_bytes(), checkpoint_->tensor_bytes());
}

// Weights that two slots share, or that are slices of one tensor, are listed once in a stage.
TEST_F(WeightPlanTest, SharedAndFusedTensorsAreListedOnce) {
  const LlamaShape shape;
  Bind(shape, /*tied=*/false);
  LayerWeights& layer = weights_.layers[0];
  const WeightRows gate = layer.gate.weight;
  layer.up.weight = gate;
  // The lower half of its columns: rows that are further apart than they are long, the last one
  // ending with the tensor.
  layer.down.weight = gate;
  layer.down.weight.columns = gate.columns / 2;
  layer.down.weight.data =
      static_cast<const std::byte*>(gate.data) + gate.columns / 2 * kElementBytes;
  const WeightPlan plan(weights_, *checkpoint_);
  std::vector<std::string> names = LayerNames(shape, 0);
  std::erase(names, "model.layers.0.mlp.up_proj.weight");
  std::erase(names, "model.layers.0.mlp.down_proj.weight");
  ExpectCovers(plan.stages()[0], names);
}

// Learned positions, norms and a second table of rows: what comes before the first layer is not of
// its stage.
TEST_F(WeightPlanTest, WhatComesBeforeTheFirstLayerIsFetchedWithTheEmbedding) {
  const LlamaShape shape{.num_hidden_layers = 2};
  Bind(shape, /*tied=*/false);
  weights_.positions = weights_.layers[1].gate.weight;
  weights_.embedding_norm.weight = weights_.layers[1].input_norm.weight;
  weights_.per_layer_embedding = weights_.layers[1].query.weight;
  weights_.layers[1] = LayerWeights();
  const WeightPlan plan(weights_, *checkpoint_);
  const std::string layer = "model.layers.1.";
  ExpectCovers(plan.with_embedding(),
               {layer + "mlp.gate_proj.weight", layer + "input_layernorm.weight"});
  ExpectCovers(plan.stages()[0], LayerNames(shape, 0));
  ExpectCovers(plan.embedding(), {"model.embed_tokens.weight", layer + "self_attn.q_proj.weight"});
  const WeightPlan::Ranges rows = plan.EmbeddingRows({3});
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].bytes.size() + rows[1].bytes.size(),
            static_cast<size_t>(2 * shape.hidden_size * kElementBytes));
  int64_t with_embedding = 0;
  for (const ByteRange& range : plan.with_embedding()) {
    with_embedding += static_cast<int64_t>(range.bytes.size());
  }
  EXPECT_GE(plan.every_pass_bytes(), with_embedding);
  EXPECT_EQ(plan.all_bytes() - plan.every_pass_bytes(),
            (shape.vocab_size + shape.hidden_size) * shape.hidden_size * kElementBytes);
}

TEST_F(WeightPlanTest, CopiedWeightsAreInNoFile) {
  Bind(LlamaShape(), /*tied=*/true, {.copy_weights = true});
  const WeightPlan plan(weights_, *checkpoint_);
  for (const WeightPlan::Ranges& stage : plan.stages()) EXPECT_TRUE(stage.empty());
  EXPECT_TRUE(plan.EmbeddingRows({1, 2}).empty());
  EXPECT_TRUE(plan.all().empty());
  EXPECT_EQ(plan.all_bytes(), 0);
}

}  // namespace
}  // namespace firstlight
