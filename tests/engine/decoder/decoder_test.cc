#include "engine/decoder/decoder.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <string_view>

#include "gtest/gtest.h"
#include "tests/engine/golden.h"
#include "tests/engine/llama_checkpoint.h"
#include "tests/loader/temporary_directory.h"

namespace firstlight {
namespace {

// Logits of a sequence must be the same bits whatever else is done (invariant 8).
bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

std::vector<int32_t> RandomTokens(std::mt19937& generator, int64_t count, int64_t vocab_size) {
  std::vector<int32_t> tokens(static_cast<size_t>(count));
  for (int32_t& token : tokens) {
    token = static_cast<int32_t>(generator() % static_cast<uint32_t>(vocab_size));
  }
  return tokens;
}

std::unique_ptr<TestDecoder> Open(const std::string& checkpoint, int threads) {
  auto decoder = TestDecoder::Create(checkpoint, {.threads = threads});
  EXPECT_TRUE(decoder.ok()) << decoder.status();
  return *std::move(decoder);
}

// A model wide enough that its products, its rows and its attention are split among workers, and
// goldens by their names: one with odd sizes, and those that do something else with their tokens.
constexpr std::string_view kWide = "wide";

class DecoderTest : public testing::TestWithParam<std::string_view> {
 protected:
  static constexpr int64_t kPromptTokens = 100;
  static constexpr int64_t kDecodeTokens = 20;

  DecoderTest() {
    if (GetParam() == kWide) {
      const LlamaShape shape = {.vocab_size = 16384,
                                .hidden_size = 256,
                                .intermediate_size = 512,
                                .num_hidden_layers = 2,
                                .num_attention_heads = 8,
                                .num_key_value_heads = 4};
      WriteCheckpoint(directory_.path(), LlamaConfig(shape), LlamaTensors(shape));
      checkpoint_ = directory_.path();
    } else {
      checkpoint_ = ReadGolden(std::string(GetParam())).checkpoint;
    }
    decoder_ = Open(checkpoint_, 1);
    tokens_ = RandomTokens(generator_, kPromptTokens + kDecodeTokens, decoder_->spec().vocab_size);
    expected_ = RunAlone(*decoder_);
  }

  absl::Span<const int32_t> prompt() const {
    return absl::MakeConstSpan(tokens_).first(kPromptTokens);
  }

  // The logits of every position: the prompt at once, then token by token, nothing beside it.
  std::vector<float> RunAlone(TestDecoder& decoder) {
    TestDecoder::Sequence sequence = decoder.NewSequence(kPromptTokens);
    std::vector<float> logits = decoder.Run(sequence, prompt(), kPromptTokens);
    for (int64_t i = kPromptTokens; i < kPromptTokens + kDecodeTokens; ++i) {
      const std::vector<float> row = decoder.Run(sequence, {tokens_[i]}, 1);
      logits.insert(logits.end(), row.begin(), row.end());
    }
    return logits;
  }

  TemporaryDirectory directory_;
  std::mt19937 generator_{7};
  std::string checkpoint_;
  std::unique_ptr<TestDecoder> decoder_;
  std::vector<int32_t> tokens_;
  std::vector<float> expected_;
};

TEST_P(DecoderTest, LogitsDoNotDependOnTheNumberOfThreads) {
  for (const int threads : {2, 3}) {
    const auto decoder = Open(checkpoint_, threads);
    EXPECT_TRUE(SameBits(RunAlone(*decoder), expected_)) << threads << " threads";
  }
}

TEST_P(DecoderTest, LogitsDoNotDependOnHowThePromptIsChunked) {
  const auto decoder = Open(checkpoint_, 2);
  // One chunk of every length before the rest, so that every boundary occurs, and equal chunks.
  const int64_t total = kPromptTokens + kDecodeTokens;
  std::vector<std::vector<int64_t>> splits = {{1, 1, 1, total - 3}};
  for (int64_t first = 1; first < total; ++first) splits.push_back({first, total - first});
  for (const int64_t chunk : {7, 16, 33}) {
    splits.emplace_back(total / chunk, chunk);
    if (total % chunk > 0) splits.back().push_back(total % chunk);
  }
  for (const std::vector<int64_t>& split : splits) {
    TestDecoder::Sequence sequence = decoder->NewSequence(kPromptTokens);
    std::vector<float> logits;
    for (const int64_t chunk : split) {
      const auto chunk_tokens = absl::MakeConstSpan(tokens_).subspan(sequence.position, chunk);
      const std::vector<float> rows = decoder->Run(sequence, chunk_tokens, chunk);
      logits.insert(logits.end(), rows.begin(), rows.end());
    }
    ASSERT_TRUE(SameBits(logits, expected_)) << "first chunk of " << split.front();
  }
}

TEST_P(DecoderTest, LogitsDoNotDependOnFifteenOthers) {
  const auto decoder = Open(checkpoint_, 2);
  const int64_t vocab_size = decoder->spec().vocab_size;
  TestDecoder::Sequence sequence = decoder->NewSequence(kPromptTokens);
  std::vector<TestDecoder::Sequence> others;
  others.reserve(15);
  for (int i = 0; i < 15; ++i) others.push_back(decoder->NewSequence(1));

  // In each pass every other sequence has a chunk of another length, from one row to thirty, some
  // before this one and some after it, some with logits and some without.
  std::vector<float> logits;
  int64_t done = 0;
  while (done < kPromptTokens + kDecodeTokens) {
    const int64_t count = done == 0 ? kPromptTokens : 1;
    std::vector<std::vector<int32_t>> chunks(others.size());
    for (std::vector<int32_t>& chunk : chunks) {
      chunk = RandomTokens(generator_, generator_() % 4 == 0 ? 30 : 1, vocab_size);
    }
    std::vector<BatchSegment> segments;
    segments.reserve(others.size() + 1);
    int64_t rows_before = 0;
    for (size_t i = 0; i < others.size(); ++i) {
      if (i == 6) {
        segments.push_back(
            decoder->Advance(sequence, absl::MakeConstSpan(tokens_).subspan(done, count), count));
      }
      segments.push_back(decoder->Advance(others[i], chunks[i], static_cast<int64_t>(i % 2)));
      if (i < 6) rows_before += static_cast<int64_t>(i % 2);
    }
    const auto pass = *decoder->decoder().Forward(segments);
    for (int64_t row = 0; row < count; ++row) {
      const auto found = pass->logits_row(rows_before + row);
      logits.insert(logits.end(), found.begin(), found.end());
    }
    done += count;
  }
  EXPECT_TRUE(SameBits(logits, expected_));
}

TEST_P(DecoderTest, LogitsDoNotDependOnTheInstructionSet) {
  const auto reference = TestDecoder::Create(checkpoint_, {.isa = Isa::kReference, .threads = 2});
  ASSERT_TRUE(reference.ok()) << reference.status();
  TestDecoder::Sequence sequence = (*reference)->NewSequence(kPromptTokens);
  constexpr int64_t kTokens = 20;  // scalar code is slow
  const std::vector<float> logits =
      (*reference)->Run(sequence, absl::MakeConstSpan(tokens_).first(kTokens), kTokens);
  const std::vector<float> expected(expected_.begin(),
                                    expected_.begin() + static_cast<int64_t>(logits.size()));
  EXPECT_TRUE(SameBits(logits, expected));
}

INSTANTIATE_TEST_SUITE_P(Models, DecoderTest,
                         testing::Values(kWide, "llama-attention-bias", "mixtral", "gpt-oss",
                                         "deepseek-v3", "lfm2", "mamba2", "mamba2-step-limit",
                                         "falcon-h1", "qwen3-next"),
                         [](const auto& info) {
                           std::string name(info.param);
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(ForwardPassTest, AdvancesAStageAtATime) {
  const auto decoder = Open(ReadGolden("llama-tied").checkpoint, 1);
  TestDecoder::Sequence sequence = decoder->NewSequence(2);
  const std::vector<int32_t> tokens = {5, 6};
  const auto pass = *decoder->decoder().Begin({decoder->Advance(sequence, tokens, 1)});
  std::vector<int64_t> layers;
  while (!pass->done()) {
    layers.push_back(pass->next_layer());
    pass->RunNextStage();
  }
  EXPECT_EQ(layers, (std::vector<int64_t>{-1, 0, 1, 2}));
  EXPECT_EQ(pass->logits().size(), static_cast<size_t>(decoder->spec().vocab_size));
}

TEST(ForwardPassTest, WithoutLogitsRowsThereAreNone) {
  const auto decoder = Open(ReadGolden("llama-tied").checkpoint, 1);
  TestDecoder::Sequence sequence = decoder->NewSequence(2);
  const std::vector<int32_t> tokens = {5, 6};
  EXPECT_TRUE(
      (*decoder->decoder().Forward({decoder->Advance(sequence, tokens, 0)}))->logits().empty());
}

TEST(DecoderMemoryTest, ActivationsAreKeptForTheNextPassAndGivenBackWhenAsked) {
  const auto decoder = Open(ReadGolden("llama-tied").checkpoint, 1);
  EXPECT_EQ(decoder->decoder().activation_bytes(), 0);
  TestDecoder::Sequence sequence = decoder->NewSequence(2);
  const std::vector<float> first = decoder->Run(sequence, {5, 6}, 1);
  const int64_t held = decoder->decoder().activation_bytes();
  EXPECT_GT(held, 0);
  decoder->Run(sequence, {7}, 1);
  EXPECT_EQ(decoder->decoder().activation_bytes(), held);
  decoder->decoder().ReleaseActivations();
  EXPECT_EQ(decoder->decoder().activation_bytes(), 0);
  TestDecoder::Sequence again = decoder->NewSequence(2);
  EXPECT_TRUE(SameBits(decoder->Run(again, {5, 6}, 1), first));
}

}  // namespace
}  // namespace firstlight
