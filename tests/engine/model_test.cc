#include "engine/model.h"

#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loader/base/strings.h"
#include "tests/engine/golden.h"
#include "tests/engine/llama_checkpoint.h"
#include "tests/loader/status_matchers.h"
#include "tests/loader/temporary_directory.h"

namespace firstlight {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ModelTest : public testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<Model>> Load(const std::string& directory,
                                              std::optional<int64_t> context_length = {}) {
    return Model::Load({.directory = directory,
                        .context_length = context_length,
                        .kernels = *SelectKernels(Isa::kAuto),
                        .workers = &workers_,
                        .block_pool = &pool_});
  }
  // A tiny Llama with further members of config.json.
  absl::StatusOr<std::unique_ptr<Model>> LoadTiny(std::string_view more = "") {
    WriteCheckpoint(directory_.path(), LlamaConfig({}, more), LlamaTensors({}));
    return Load(directory_.path());
  }

  WorkerPool workers_{1};
  BlockPool pool_{int64_t{1} << 20};
  TemporaryDirectory directory_;
};

TEST_F(ModelTest, LoadsACheckpoint) {
  const Golden golden = ReadGolden("llama-sharded");
  const auto model = Load(golden.checkpoint);
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ((*model)->directory(), golden.checkpoint);
  EXPECT_EQ((*model)->architecture(), "LlamaForCausalLM");
  EXPECT_EQ((*model)->spec().num_hidden_layers, 12);
  EXPECT_EQ((*model)->cache().shape().layers.size(), 12U);
  EXPECT_EQ((*model)->context_length(), 256);
  EXPECT_EQ((*model)->load_report().ComputeTotals().copied_bytes, 0);
  EXPECT_EQ(pool_.used_bytes(), 0);
}

TEST_F(ModelTest, ContextLengthIsTheModelsOwnAtMost) {
  const std::string checkpoint = ReadGolden("llama-tied").checkpoint;
  EXPECT_EQ((*Load(checkpoint, 100))->context_length(), 100);
  EXPECT_EQ((*Load(checkpoint, 1000))->context_length(), 256);
}

TEST_F(ModelTest, EndOfSequenceComesFromGenerationConfigElseFromConfig) {
  const auto without = LoadTiny(R"(, "eos_token_id": [4, 5])");
  ASSERT_THAT(without, IsOk());
  EXPECT_THAT((*without)->generation_config().eos_token_ids, ElementsAre(4, 5));
  directory_.Write("generation_config.json", R"({"temperature": 0.5})");
  EXPECT_THAT((*Load(directory_.path()))->generation_config().eos_token_ids, ElementsAre(4, 5));
  directory_.Write("generation_config.json", R"({"eos_token_id": 6})");
  EXPECT_THAT((*Load(directory_.path()))->generation_config().eos_token_ids, ElementsAre(6));
}

TEST_F(ModelTest, SaysWhatIsWrongWithACheckpoint) {
  EXPECT_THAT(Load("/no/such/directory"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/no/such/directory")));
  directory_.Write("generation_config.json", "{");
  EXPECT_THAT(LoadTiny(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("generation_config.json")));
}

// Files that are all holes cost their author nothing, whatever their shapes.
TEST_F(ModelTest, RefusesAModelWhoseActivationsExceedTheBound) {
  const auto load = [this](const LlamaShape& shape) {
    const TemporaryDirectory directory;
    WriteCheckpoint(directory.path(), LlamaConfig(shape), LlamaTensors(shape), /*sparse=*/true);
    return Load(directory.path()).status();
  };
  EXPECT_THAT(load({.intermediate_size = 1 << 21}),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       AllOf(HasSubstr("config.json"), HasSubstr("intermediate_size"),
                             HasSubstr("2097152"), HasSubstr("expected at most 4294967296"))));
  EXPECT_THAT(load({.vocab_size = 1 << 24}),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       AllOf(HasSubstr("config.json"), HasSubstr("vocab_size"))));
  EXPECT_THAT(load({.intermediate_size = 1 << 18}), IsOk());
}

TEST_F(ModelTest, RefusesAModelWhoseBlocksExceedTheBudget) {
  BlockPool small(1);
  EXPECT_THAT(Model::Load({.directory = ReadGolden("llama-tied").checkpoint,
                           .context_length = std::nullopt,
                           .kernels = *SelectKernels(Isa::kAuto),
                           .workers = &workers_,
                           .block_pool = &small}),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("the budget is 1 bytes")));
}

TEST_F(ModelTest, WithoutATokenizerItTakesTokenIdsOnly) {
  const auto model = LoadTiny();
  ASSERT_THAT(model, IsOk());
  EXPECT_THAT((*model)->BuildTokenizer(), IsOk());
  EXPECT_THAT((*model)->AwaitTokenizer(absl::InfiniteFuture()),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("token ids only")));
  EXPECT_EQ((*model)->tokenizer_if_built(), nullptr);
}

TEST_F(ModelTest, ABrokenTokenizerIsRememberedAndNamed) {
  directory_.Write("tokenizer.json", "{");
  const auto model = LoadTiny();
  ASSERT_THAT(model, IsOk());
  const absl::Status built = (*model)->BuildTokenizer();
  EXPECT_THAT(built, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("tokenizer.json")));
  EXPECT_EQ((*model)->BuildTokenizer(), built);
  EXPECT_THAT(
      (*model)->AwaitTokenizer(absl::InfiniteFuture()),
      StatusIs(absl::StatusCode::kFailedPrecondition,
               AllOf(HasSubstr("the model's tokenizer failed"), HasSubstr("tokenizer.json"))));
}

TEST_F(ModelTest, AwaitingATokenizerThatNobodyBuildsEndsAtTheDeadline) {
  const auto model = LoadTiny();
  ASSERT_THAT(model, IsOk());
  EXPECT_THAT((*model)->AwaitTokenizer(absl::InfinitePast()),
              StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("was not built")));
}

TEST_F(ModelTest, AwaitingWakesWhenTheTokenizerIsThere) {
  const auto loaded = Load(StrCat(FIRSTLIGHT_SOURCE_DIR, "/models/demo"));
  ASSERT_THAT(loaded, IsOk());
  Model* const model = loaded->get();
  EXPECT_EQ(model->tokenizer_if_built(), nullptr);
  std::thread waiter([model] {
    const auto tokenizer = model->AwaitTokenizer(absl::InfiniteFuture());
    ASSERT_THAT(tokenizer, IsOk());
    EXPECT_LE((*tokenizer)->vocab_size(), model->spec().vocab_size);
  });
  std::thread builder([model] { EXPECT_THAT(model->BuildTokenizer(), IsOk()); });
  EXPECT_THAT(model->BuildTokenizer(), IsOk());
  waiter.join();
  builder.join();
  EXPECT_NE(model->tokenizer_if_built(), nullptr);
}

}  // namespace
}  // namespace firstlight
