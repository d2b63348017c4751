#include "tests/engine/golden.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "gtest/gtest.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"
#include "loader/json.h"
#include "loader/safetensors.h"

namespace firstlight {
namespace {

constexpr std::string_view kSourceFolder = FIRSTLIGHT_SOURCE_DIR;

absl::StatusOr<std::vector<int32_t>> ReadIds(const JsonValue& golden, std::string_view key) {
  std::vector<int32_t> ids;
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray array, golden.GetArray(key));
  for (const JsonValue value : array) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t id, value.AsInt64());
    ids.push_back(static_cast<int32_t>(id));
  }
  return ids;
}

absl::StatusOr<std::vector<float>> ReadFloats(const SafetensorsFile& file, std::string_view name) {
  for (const TensorView& tensor : file.tensors()) {
    if (tensor.name != name) continue;
    std::vector<float> values(static_cast<size_t>(tensor.NumElements()));
    if (tensor.dtype != DType::kF32) return absl::InvalidArgumentError("expected float32");
    std::memcpy(values.data(), tensor.data.data(), tensor.data.size());
    return values;
  }
  return absl::NotFoundError("no such tensor in a golden");
}

absl::Status Read(const std::string& folder, Golden* golden) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const auto json, JsonDocument::ReadFile(folder + "/golden.json"));
  FIRSTLIGHT_ASSIGN_OR_RETURN(golden->prompt, ReadIds(json->root(), "prompt"));
  FIRSTLIGHT_ASSIGN_OR_RETURN(golden->greedy, ReadIds(json->root(), "greedy"));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const auto file,
                              SafetensorsFile::Open(folder + "/golden.safetensors"));
  FIRSTLIGHT_ASSIGN_OR_RETURN(golden->prompt_logits, ReadFloats(file, "prompt_logits"));
  FIRSTLIGHT_ASSIGN_OR_RETURN(golden->greedy_logits, ReadFloats(file, "greedy_logits"));
  return absl::OkStatus();
}

}  // namespace

std::vector<std::string> GoldenNames() {
  return {
      "apertus",
      "apertus-transformers-5",
      "arcee",
      "arcee-transformers-5",
      "bamba",
      "bamba-transformers-5",
      "bloom",
      "bloom-transformers-5",
      "codegen",
      "codegen-transformers-5",
      "cohere",
      "cohere-transformers-5",
      "cohere2",
      "cohere2-transformers-5",
      "cwm",
      "cwm-transformers-5",
      "deepseek-v2",
      "deepseek-v2-transformers-5",
      "deepseek-v3",
      "deepseek-v3-transformers-5",
      "demo-list",
      "demo-story",
      "dots1",
      "dots1-transformers-5",
      "ernie4-5",
      "ernie4-5-moe",
      "ernie4-5-moe-transformers-5",
      "ernie4-5-transformers-5",
      "exaone4",
      "exaone4-transformers-5",
      "falcon",
      "falcon-h1",
      "falcon-h1-norm",
      "falcon-h1-transformers-5",
      "falcon-one-norm",
      "falcon-sequential",
      "falcon-transformers-5",
      "gemma",
      "gemma-transformers-5",
      "gemma2",
      "gemma2-transformers-5",
      "gemma3",
      "gemma3-in-text-config",
      "gemma3-in-text-config-transformers-5",
      "gemma3-transformers-5",
      "gemma4",
      "gemma4-experts",
      "gemma4-in-text-config",
      "gemma4-transformers-5",
      "gemma4-unified",
      "gemma4-unified-text",
      "glm",
      "glm-transformers-5",
      "glm4",
      "glm4-moe",
      "glm4-moe-transformers-5",
      "glm4-transformers-5",
      "gpt-bigcode",
      "gpt-bigcode-transformers-5",
      "gpt-neo",
      "gpt-neo-transformers-5",
      "gpt-neox",
      "gpt-neox-transformers-5",
      "gpt-oss",
      "gpt-oss-transformers-5",
      "gpt2",
      "gpt2-transformers-5",
      "gpt2-without-prefix",
      "gptj",
      "gptj-transformers-5",
      "granite",
      "granite-moe",
      "granite-moe-hybrid",
      "granite-moe-hybrid-dense",
      "granite-moe-hybrid-transformers-5",
      "granite-moe-shared",
      "granite-moe-transformers-5",
      "granite-transformers-5",
      "helium",
      "helium-transformers-5",
      "hunyuan-v1-dense",
      "hunyuan-v1-dense-transformers-5",
      "lfm2",
      "lfm2-moe",
      "lfm2-moe-transformers-5",
      "lfm2-transformers-5",
      "lfm3",
      "lfm3-transformers-5",
      "lfm3-without-gate",
      "llama-attention-bias",
      "llama-biases",
      "llama-first-release",
      "llama-head-dim",
      "llama-misaligned",
      "llama-mixed-dtypes",
      "llama-own-head",
      "llama-rope-dynamic-long",
      "llama-rope-dynamic-short",
      "llama-rope-linear",
      "llama-rope-llama3",
      "llama-rope-llama3-transformers-5",
      "llama-sharded",
      "llama-tied",
      "llama-untied-mha",
      "llama-without-prefix",
      "llama-yarn",
      "mamba2",
      "mamba2-step-limit",
      "mamba2-transformers-5",
      "mellum",
      "mellum-transformers-5",
      "minicpm3",
      "minicpm3-transformers-5",
      "ministral",
      "ministral-transformers-5",
      "ministral3",
      "ministral3-transformers-5",
      "mistral",
      "mistral-window",
      "mistral-yarn-transformers-5",
      "mixtral",
      "mixtral-transformers-5",
      "mpt",
      "mpt-transformers-5",
      "nanochat",
      "nanochat-transformers-5",
      "nemotron",
      "nemotron-h",
      "nemotron-h-moe",
      "nemotron-h-transformers-5",
      "nemotron-transformers-5",
      "olmo",
      "olmo-transformers-5",
      "olmo2",
      "olmo2-transformers-5",
      "olmo3",
      "olmo3-transformers-5",
      "olmoe",
      "olmoe-transformers-5",
      "opt",
      "opt-transformers-5",
      "persimmon",
      "persimmon-transformers-5",
      "phi",
      "phi-transformers-5",
      "phi3",
      "phi3-long",
      "phi3-transformers-5",
      "phimoe",
      "phimoe-transformers-5",
      "qwen2",
      "qwen2-moe",
      "qwen2-moe-transformers-5",
      "qwen2-transformers-5",
      "qwen3",
      "qwen3-5",
      "qwen3-5-in-text-config",
      "qwen3-5-moe",
      "qwen3-5-moe-in-text-config",
      "qwen3-5-transformers-5",
      "qwen3-moe",
      "qwen3-moe-transformers-5",
      "qwen3-next",
      "qwen3-next-transformers-5",
      "qwen3-transformers-5",
      "seed-oss",
      "seed-oss-transformers-5",
      "smollm3",
      "smollm3-transformers-5",
      "stablelm",
      "stablelm-transformers-5",
      "starcoder2",
      "starcoder2-transformers-5",
      "vaultgemma",
      "vaultgemma-transformers-5",
      "youtu",
      "youtu-transformers-5",
  };
}

Golden ReadGolden(const std::string& name) {
  Golden golden;
  golden.name = name;
  const std::string folder = StrCat(kSourceFolder, "/tests/golden/", name);
  golden.checkpoint =
      name.starts_with("demo-") ? StrCat(kSourceFolder, "/models/demo") : folder + "/checkpoint";
  const absl::Status status = Read(folder, &golden);
  EXPECT_TRUE(status.ok()) << name << ": " << status;
  return golden;
}

double NormalizedMeanSquaredError(absl::Span<const float> found, absl::Span<const float> expected) {
  double mean = 0;
  for (const float value : expected) mean += value;
  mean /= static_cast<double>(expected.size());
  double error = 0;
  double variance = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double difference = double{found[i]} - double{expected[i]};
    error += difference * difference;
    variance += (expected[i] - mean) * (expected[i] - mean);
  }
  const double normalized = error / variance;
  return std::isfinite(normalized) ? normalized : std::numeric_limits<double>::infinity();
}

absl::StatusOr<std::unique_ptr<TestDecoder>> TestDecoder::Create(const std::string& directory,
                                                                 const Options& options) {
  constexpr int64_t kPoolBytes = int64_t{1} << 30;
  auto test = std::make_unique<TestDecoder>(options.threads, kPoolBytes);
  FIRSTLIGHT_ASSIGN_OR_RETURN(test->checkpoint_, Checkpoint::Open(directory));
  FIRSTLIGHT_ASSIGN_OR_RETURN(test->config_, ParseModelConfig(test->checkpoint_->config()));
  DecoderSpec& spec = test->config_.spec;
  if (options.edit_spec) options.edit_spec(&spec);
  LoadReport report;
  FIRSTLIGHT_ASSIGN_OR_RETURN(test->weights_, BindWeights(spec, *test->checkpoint_, {}, &report));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const Kernels* kernels, SelectKernels(options.isa));
  FIRSTLIGHT_ASSIGN_OR_RETURN(test->arenas_,
                              CacheArenas::Create(MakeCacheShape(spec), &test->pool_));
  test->decoder_ = std::make_unique<Decoder>(&spec, &test->weights_, kernels, &test->workers_);
  return test;
}

TestDecoder::Sequence TestDecoder::NewSequence(int64_t prompt_tokens) {
  Sequence sequence;
  sequence.cache = std::make_unique<PagedCache>(arenas_.get());
  // Contents that are never read: a sequence begins without a state.
  sequence.state.assign(static_cast<size_t>(arenas_->shape().state_floats),
                        std::numeric_limits<float>::quiet_NaN());
  sequence.prompt_tokens = prompt_tokens;
  sequence.rope = ComputeRopeFrequencies(spec(), prompt_tokens);
  return sequence;
}

BatchSegment TestDecoder::Advance(Sequence& sequence, absl::Span<const int32_t> tokens,
                                  int64_t logits_rows) {
  const int64_t first = sequence.position;
  const auto count = static_cast<int64_t>(tokens.size());
  sequence.position += count;
  sequence.cache->ReleaseBehind(first);
  EXPECT_TRUE(sequence.cache->Reserve({.first = first, .end = sequence.position, .chunk = count}));
  return {.tokens = tokens,
          .first_position = first,
          .cache = sequence.cache.get(),
          .state = sequence.state.data(),
          .rope = &sequence.rope,
          .prompt_tokens = sequence.prompt_tokens,
          .logits_rows = logits_rows};
}

std::vector<float> TestDecoder::Run(Sequence& sequence, absl::Span<const int32_t> tokens,
                                    int64_t logits_rows) {
  const auto pass = *decoder().Forward({Advance(sequence, tokens, logits_rows)});
  return {pass->logits().begin(), pass->logits().end()};
}

GoldenAnswer AnswerGolden(TestDecoder& decoder, const Golden& golden) {
  const auto tokens = static_cast<int64_t>(golden.prompt.size());
  const auto vocab_size = static_cast<size_t>(decoder.spec().vocab_size);
  TestDecoder::Sequence sequence = decoder.NewSequence(tokens);
  GoldenAnswer answer;
  const std::vector<float> prompt_logits = decoder.Run(sequence, golden.prompt, tokens);
  answer.prompt_error = NormalizedMeanSquaredError(prompt_logits, golden.prompt_logits);

  std::vector<float> logits(prompt_logits.end() - static_cast<int64_t>(vocab_size),
                            prompt_logits.end());
  std::vector<float> found;
  for (const int32_t expected : golden.greedy) {
    found.insert(found.end(), logits.begin(), logits.end());
    const auto best = std::max_element(logits.begin(), logits.end());
    const auto token = static_cast<int32_t>(best - logits.begin());
    answer.greedy.push_back(token);
    if (token != expected) break;
    logits = decoder.Run(sequence, {token}, 1);
  }
  answer.greedy_error = NormalizedMeanSquaredError(
      found, absl::MakeConstSpan(golden.greedy_logits).first(found.size()));
  return answer;
}

}  // namespace firstlight
