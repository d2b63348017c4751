#include "engine/generation_options.h"

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"

namespace firstlight {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

const ModelLimits kLimits = {.vocab_size = 100, .context_length = 32, .cache_positions = 1024};

GenerationRequest TokenRequest() {
  GenerationRequest request;
  request.input = std::vector<int32_t>{1, 2, 3};
  return request;
}

ResolvedOptions Resolve(const GenerationRequest& request, const GenerationConfig& config = {},
                        int64_t prompt_tokens = 3) {
  const absl::StatusOr<ResolvedOptions> resolved =
      ResolveOptions(request, prompt_tokens, kLimits, config, 8, 77);
  EXPECT_TRUE(resolved.ok()) << resolved.status();
  return resolved.value_or(ResolvedOptions());
}

struct Refusal {
  const char* message;
  std::function<void(GenerationRequest*)> change;
};

TEST(CheckRequestTest, NamesFieldExpectationAndFinding) {
  const std::vector<Refusal> refusals = {
      {"sampling.temperature: expected a number in [0, 100], found -0.1",
       [](GenerationRequest* r) { r->sampling.temperature = -0.1; }},
      {"sampling.temperature: expected a number in [0, 100], found nan",
       [](GenerationRequest* r) { r->sampling.temperature = kNan; }},
      {"sampling.temperature: expected a number in [0, 100], found inf",
       [](GenerationRequest* r) { r->sampling.temperature = kInfinity; }},
      {"sampling.top_k: expected an integer in [0, 2147483647], found -1",
       [](GenerationRequest* r) { r->sampling.top_k = -1; }},
      {"sampling.top_p: expected a number in (0, 1], found 0",
       [](GenerationRequest* r) { r->sampling.top_p = 0; }},
      {"sampling.top_p: expected a number in (0, 1], found 1.5",
       [](GenerationRequest* r) { r->sampling.top_p = 1.5; }},
      {"sampling.min_p: expected a number in [0, 1], found nan",
       [](GenerationRequest* r) { r->sampling.min_p = kNan; }},
      {"sampling.typical_p: expected a number in (0, 1], found -1",
       [](GenerationRequest* r) { r->sampling.typical_p = -1; }},
      {"sampling.repetition_penalty: expected a number in (0, 100], found 0",
       [](GenerationRequest* r) { r->sampling.repetition_penalty = 0; }},
      {"sampling.frequency_penalty: expected a number in [-2, 2], found 2.5",
       [](GenerationRequest* r) { r->sampling.frequency_penalty = 2.5; }},
      {"sampling.presence_penalty: expected a number in [-2, 2], found -inf",
       [](GenerationRequest* r) { r->sampling.presence_penalty = -kInfinity; }},
      {"sampling.logit_bias[5]: expected a number in [-100, 100], found nan",
       [](GenerationRequest* r) { r->sampling.logit_bias = {{5, kNan}}; }},
      {"sampling.logit_bias: expected each token id once, found 5 twice",
       [](GenerationRequest* r) { r->sampling.logit_bias = {{5, 1}, {5, 2}}; }},
      {"sampling.logit_bias: expected at most 1024 entries, found 1025",
       [](GenerationRequest* r) { r->sampling.logit_bias.resize(1025); }},
      {"stopping.max_tokens: expected an integer in [1, 2147483647], found 0",
       [](GenerationRequest* r) { r->stopping.max_tokens = 0; }},
      {"stopping.min_tokens: expected an integer in [0, 2147483647], found -5",
       [](GenerationRequest* r) { r->stopping.min_tokens = -5; }},
      {"stopping.stop_sequences: expected at most 16 entries, found 100000",
       [](GenerationRequest* r) { r->stopping.stop_sequences.assign(100'000, "x"); }},
      {"stopping.stop_sequences[1]: expected 1 to 1024 bytes, found 0",
       [](GenerationRequest* r) { r->stopping.stop_sequences = {"x", ""}; }},
      {"stopping.stop_sequences[0]: expected 1 to 1024 bytes, found 1025",
       [](GenerationRequest* r) { r->stopping.stop_sequences = {std::string(1025, 'x')}; }},
      {"stopping.stop_token_ids: expected at most 64 entries, found 65",
       [](GenerationRequest* r) { r->stopping.stop_token_ids.resize(65); }},
      {"stopping.time_limit: expected a duration over 0, found -1s",
       [](GenerationRequest* r) { r->stopping.time_limit = absl::Seconds(-1); }},
      {"output.top_logprobs: expected an integer in [0, 20], found 21",
       [](GenerationRequest* r) { r->output.top_logprobs = 21; }},
      {"output.top_logprobs: expected 0 without output.logprobs or output.prompt_logprobs, found 3",
       [](GenerationRequest* r) { r->output.top_logprobs = 3; }},
      {"num_sequences: expected an integer in [1, 16], found 1000000000",
       [](GenerationRequest* r) { r->num_sequences = 1'000'000'000; }},
      {"num_sequences: expected an integer in [1, 16], found 0",
       [](GenerationRequest* r) { r->num_sequences = 0; }},
      {"prompt: expected at most 8388608 bytes, found 8388609",
       [](GenerationRequest* r) { r->input = std::string((8 << 20) + 1, 'x'); }},
  };
  EXPECT_TRUE(CheckRequest(TokenRequest()).ok());
  for (const Refusal& refusal : refusals) {
    GenerationRequest request = TokenRequest();
    refusal.change(&request);
    const absl::Status status = CheckRequest(request);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(status.message(), refusal.message);
  }
}

TEST(CheckPromptTest, LengthAndIds) {
  const GenerationRequest request = TokenRequest();
  const auto message = [&request](std::vector<int32_t> prompt) {
    return std::string(CheckPrompt(prompt, request, kLimits).message());
  };
  EXPECT_EQ(message({}), "prompt_token_ids: expected at least 1 token, found 0");
  EXPECT_EQ(message({1, 100}),
            "prompt_token_ids.ids[1]: expected a token id in [0, 100), found 100");
  EXPECT_EQ(message({-1}), "prompt_token_ids.ids[0]: expected a token id in [0, 100), found -1");
  EXPECT_EQ(message(std::vector<int32_t>(33, 1)),
            "prompt_token_ids: expected at most 32 tokens (the context length), found 33");
  EXPECT_EQ(message(std::vector<int32_t>(32, 99)), "");
  GenerationRequest text;
  text.input = std::string();
  EXPECT_EQ(CheckPrompt({}, text, kLimits).message(), "prompt: expected at least 1 token, found 0");
}

TEST(ResolveOptionsTest, SilentEverywhere) {
  const ResolvedOptions resolved = Resolve(TokenRequest());
  EXPECT_TRUE(resolved.sampling.greedy());
  EXPECT_EQ(resolved.sampling.top_k, 0);
  EXPECT_EQ(resolved.sampling.top_p, 1);
  EXPECT_EQ(resolved.sampling.repetition_penalty, 1);
  EXPECT_EQ(resolved.sampling.seed, 77U);
  EXPECT_EQ(resolved.max_tokens, 8);
  EXPECT_EQ(resolved.at_max_tokens, FinishReason::kMaxTokens);
}

TEST(ResolveOptionsTest, CheckpointThenRequest) {
  GenerationConfig config;
  config.do_sample = true;
  config.top_k = 50;
  config.top_p = 0.9;
  config.repetition_penalty = 1.1;
  config.max_new_tokens = 5;
  ResolvedOptions resolved = Resolve(TokenRequest(), config);
  EXPECT_EQ(resolved.sampling.temperature, 1);
  EXPECT_EQ(resolved.sampling.top_k, 50);
  EXPECT_EQ(resolved.sampling.top_p, 0.9);
  EXPECT_EQ(resolved.sampling.repetition_penalty, 1.1);
  EXPECT_EQ(resolved.max_tokens, 5);

  config.temperature = 0.6;
  EXPECT_EQ(Resolve(TokenRequest(), config).sampling.temperature, 0.6);
  GenerationRequest request = TokenRequest();
  request.sampling.temperature = 0;
  request.sampling.top_k = 0;
  request.sampling.seed = 3;
  request.stopping.max_tokens = 6;
  resolved = Resolve(request, config);
  EXPECT_TRUE(resolved.sampling.greedy());
  EXPECT_EQ(resolved.sampling.top_k, 0);
  EXPECT_EQ(resolved.sampling.seed, 3U);
  EXPECT_EQ(resolved.max_tokens, 6);
}

TEST(ResolveOptionsTest, DoSampleAbsentOrFalseIsGreedy) {
  GenerationConfig config;
  config.temperature = 0.6;
  EXPECT_TRUE(Resolve(TokenRequest(), config).sampling.greedy());
  config.do_sample = false;
  EXPECT_TRUE(Resolve(TokenRequest(), config).sampling.greedy());
  GenerationRequest request = TokenRequest();
  request.sampling.temperature = 0.5;
  EXPECT_EQ(Resolve(request, config).sampling.temperature, 0.5);
}

TEST(ResolveOptionsTest, ClampsToTheContext) {
  GenerationRequest request = TokenRequest();
  request.stopping.max_tokens = 29;
  EXPECT_EQ(Resolve(request).at_max_tokens, FinishReason::kMaxTokens);
  EXPECT_EQ(Resolve(request).max_tokens, 29);
  request.stopping.max_tokens = std::numeric_limits<int32_t>::max();
  EXPECT_EQ(Resolve(request).at_max_tokens, FinishReason::kContextLimit);
  EXPECT_EQ(Resolve(request).max_tokens, 29);
  EXPECT_EQ(Resolve(request, {}, 32).max_tokens, 0);
}

TEST(ResolveOptionsTest, RefusesWhatTheCacheCouldNotHold) {
  GenerationRequest request = TokenRequest();
  request.stopping.max_tokens = 20;
  ModelLimits limits = kLimits;
  limits.cache_positions = 22;  // 3 + 20 - 1
  EXPECT_TRUE(ResolveOptions(request, 3, limits, {}, 8, 0).ok());
  limits.cache_positions = 21;
  EXPECT_EQ(ResolveOptions(request, 3, limits, {}, 8, 0).status().message(),
            "stopping.max_tokens: expected prompt and answer to fit the KV cache of 21 positions "
            "(kv_cache_bytes), found 3 prompt tokens and max_tokens 20");
}

TEST(ResolveOptionsTest, EndTokens) {
  GenerationConfig config;
  config.eos_token_ids = {9, 2, 9};
  GenerationRequest request = TokenRequest();
  request.stopping.stop_token_ids = {50, 2, 4};
  ResolvedOptions resolved = Resolve(request, config);
  EXPECT_THAT(resolved.eos_token_ids, ElementsAre(2, 9));
  EXPECT_THAT(resolved.stop_token_ids, ElementsAre(2, 4, 50));
  EXPECT_THAT(resolved.end_token_ids, ElementsAre(2, 4, 9, 50));
  request.stopping.ignore_eos = true;
  resolved = Resolve(request, config);
  EXPECT_THAT(resolved.eos_token_ids, IsEmpty());
  EXPECT_THAT(resolved.end_token_ids, ElementsAre(2, 4, 50));
}

using Words = std::vector<std::vector<int32_t>>;

SamplingOptions BadWords(std::vector<std::string> texts, Words ids = {}) {
  SamplingOptions sampling;
  sampling.bad_words = std::move(texts);
  sampling.bad_word_token_ids = std::move(ids);
  return sampling;
}

SamplingOptions Allowed(std::vector<int32_t> ids) {
  SamplingOptions sampling;
  sampling.allowed_token_ids = std::move(ids);
  return sampling;
}

TEST(CheckRequestTest, BadWordsAndAllowedTokens) {
  const auto message = [](SamplingOptions sampling) {
    GenerationRequest request;
    request.sampling = std::move(sampling);
    return std::string(CheckRequest(request).message());
  };
  EXPECT_EQ(message(BadWords({"no", ""})),
            "sampling.bad_words[1]: expected 1 to 256 bytes, found 0");
  EXPECT_EQ(message(BadWords({std::string(257, 'a')})),
            "sampling.bad_words[0]: expected 1 to 256 bytes, found 257");
  EXPECT_EQ(message(BadWords(std::vector<std::string>(257, "a"))),
            "sampling.bad_words: expected at most 256 entries, found 257");
  EXPECT_EQ(message(BadWords({}, {{1}, {}})),
            "sampling.bad_word_token_ids[1].ids: expected 1 to 64 token ids, found 0");
  EXPECT_EQ(message(BadWords({}, {std::vector<int32_t>(65)})),
            "sampling.bad_word_token_ids[0].ids: expected 1 to 64 token ids, found 65");
  EXPECT_EQ(message(BadWords({}, Words(257, {1}))),
            "sampling.bad_word_token_ids: expected at most 256 entries, found 257");
  EXPECT_EQ(message(Allowed(std::vector<int32_t>(65537))),
            "sampling.allowed_token_ids: expected at most 65536 entries, found 65537");
  EXPECT_EQ(message(BadWords({"no"}, {{1, 2}})), "");
}

TEST(ResolveOptionsTest, BadWordsAndAllowedTokens) {
  GenerationConfig config;
  config.bad_words_ids = {{9, 8}};
  config.eos_token_ids = {2};
  const auto resolve = [&config](SamplingOptions sampling, Words texts, bool ignore_eos = false) {
    GenerationRequest request;
    request.sampling = std::move(sampling);
    request.stopping.ignore_eos = ignore_eos;
    return ResolveOptions(request, 3, kLimits, config, 8, 0, std::move(texts));
  };
  EXPECT_EQ(resolve({}, {})->sampling.bad_words, (Words{{9, 8}}));
  // The request's own, texts and ids, each once. An end of sequence is no word.
  EXPECT_EQ(
      resolve(BadWords({"a", "b"}, {{4}, {2}, {2, 4}}), {{5, 6}, {4}, {2}})->sampling.bad_words,
      (Words{{2, 4}, {4}, {5, 6}}));
  EXPECT_EQ(resolve(BadWords({}, {{2}}), {}, /*ignore_eos=*/true)->sampling.bad_words,
            (Words{{2}}));
  EXPECT_THAT(resolve(Allowed({7, 3, 7}), {})->sampling.allowed_token_ids, ElementsAre(3, 7));
  EXPECT_EQ(resolve(Allowed({3, -1}), {}).status().message(),
            absl::StrCat("sampling.allowed_token_ids[1]: expected a token id in [0, ",
                         kLimits.vocab_size, "), found -1"));
  EXPECT_EQ(resolve(BadWords({}, {{1}, {1, 1 << 30}}), {}).status().message(),
            absl::StrCat("sampling.bad_word_token_ids[1].ids[1]: expected a token id in [0, ",
                         kLimits.vocab_size, "), found 1073741824"));
}

TEST(ResolveOptionsTest, IdsBeyondTheVocabularyAndMinTokens) {
  const auto message = [](const GenerationRequest& request) {
    return std::string(ResolveOptions(request, 3, kLimits, {}, 8, 0).status().message());
  };
  GenerationRequest request = TokenRequest();
  request.sampling.logit_bias = {{100, 1}};
  EXPECT_EQ(message(request), "sampling.logit_bias: expected token ids in [0, 100), found 100");
  request = TokenRequest();
  request.stopping.stop_token_ids = {3, -1};
  EXPECT_EQ(message(request),
            "stopping.stop_token_ids[1]: expected a token id in [0, 100), found -1");
  request = TokenRequest();
  request.stopping.min_tokens = 9;
  EXPECT_EQ(message(request), "stopping.min_tokens: expected at most max_tokens (8), found 9");
}

}  // namespace
}  // namespace firstlight
