#include "engine/generation_options.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "loader/base/status_macros.h"

namespace firstlight {
namespace {

constexpr int64_t kMaxInt32 = std::numeric_limits<int32_t>::max();

template <typename Found>
absl::Status Unexpected(absl::string_view path, absl::string_view expected, const Found& found) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": expected ", expected, ", found ", found));
}

enum class Lowest { kIncluded, kExcluded };

// NaN is in no range.
absl::Status CheckNumber(absl::string_view path, const std::optional<double>& value, double low,
                         double high, Lowest lowest = Lowest::kIncluded) {
  if (!value.has_value()) {
    return absl::OkStatus();
  }
  const bool above = lowest == Lowest::kIncluded ? *value >= low : *value > low;
  if (above && *value <= high) {
    return absl::OkStatus();
  }
  return Unexpected(
      path,
      absl::StrCat("a number in ", lowest == Lowest::kIncluded ? "[" : "(", low, ", ", high, "]"),
      *value);
}

absl::Status CheckInteger(absl::string_view path, const std::optional<int64_t>& value, int64_t low,
                          int64_t high) {
  if (!value.has_value() || (*value >= low && *value <= high)) {
    return absl::OkStatus();
  }
  return Unexpected(path, absl::StrCat("an integer in [", low, ", ", high, "]"), *value);
}

absl::Status CheckCount(absl::string_view path, size_t count, int64_t limit) {
  if (count <= static_cast<size_t>(limit)) {
    return absl::OkStatus();
  }
  return Unexpected(path, absl::StrCat("at most ", limit, " entries"), count);
}

absl::Status CheckSize(absl::string_view path, size_t size, int64_t limit, absl::string_view unit) {
  if (size >= 1 && size <= static_cast<size_t>(limit)) {
    return absl::OkStatus();
  }
  return Unexpected(path, absl::StrCat("1 to ", limit, " ", unit), size);
}

absl::Status CheckBadWords(const SamplingOptions& sampling) {
  FIRSTLIGHT_RETURN_IF_ERROR(
      CheckCount("sampling.bad_words", sampling.bad_words.size(), kMaxBadWords));
  for (size_t i = 0; i < sampling.bad_words.size(); ++i) {
    FIRSTLIGHT_RETURN_IF_ERROR(CheckSize(absl::StrCat("sampling.bad_words[", i, "]"),
                                         sampling.bad_words[i].size(), kMaxBadWordBytes, "bytes"));
  }
  FIRSTLIGHT_RETURN_IF_ERROR(
      CheckCount("sampling.bad_word_token_ids", sampling.bad_word_token_ids.size(), kMaxBadWords));
  for (size_t i = 0; i < sampling.bad_word_token_ids.size(); ++i) {
    FIRSTLIGHT_RETURN_IF_ERROR(CheckSize(absl::StrCat("sampling.bad_word_token_ids[", i, "].ids"),
                                         sampling.bad_word_token_ids[i].size(), kMaxBadWordTokens,
                                         "token ids"));
  }
  return absl::OkStatus();
}

absl::Status CheckSampling(const SamplingOptions& sampling) {
  FIRSTLIGHT_RETURN_IF_ERROR(CheckNumber("sampling.temperature", sampling.temperature, 0, 100));
  FIRSTLIGHT_RETURN_IF_ERROR(CheckInteger("sampling.top_k", sampling.top_k, 0, kMaxInt32));
  FIRSTLIGHT_RETURN_IF_ERROR(
      CheckNumber("sampling.top_p", sampling.top_p, 0, 1, Lowest::kExcluded));
  FIRSTLIGHT_RETURN_IF_ERROR(CheckNumber("sampling.min_p", sampling.min_p, 0, 1));
  FIRSTLIGHT_RETURN_IF_ERROR(
      CheckNumber("sampling.typical_p", sampling.typical_p, 0, 1, Lowest::kExcluded));
  FIRSTLIGHT_RETURN_IF_ERROR(CheckNumber("sampling.repetition_penalty", sampling.repetition_penalty,
                                         0, 100, Lowest::kExcluded));
  FIRSTLIGHT_RETURN_IF_ERROR(
      CheckNumber("sampling.frequency_penalty", sampling.frequency_penalty, -2, 2));
  FIRSTLIGHT_RETURN_IF_ERROR(
      CheckNumber("sampling.presence_penalty", sampling.presence_penalty, -2, 2));
  FIRSTLIGHT_RETURN_IF_ERROR(
      CheckCount("sampling.logit_bias", sampling.logit_bias.size(), kMaxLogitBiases));
  absl::flat_hash_set<int32_t> biased;
  for (const auto& [id, bias] : sampling.logit_bias) {
    FIRSTLIGHT_RETURN_IF_ERROR(
        CheckNumber(absl::StrCat("sampling.logit_bias[", id, "]"), bias, -100, 100));
    if (!biased.insert(id).second) {
      return Unexpected("sampling.logit_bias", "each token id once", absl::StrCat(id, " twice"));
    }
  }
  FIRSTLIGHT_RETURN_IF_ERROR(CheckBadWords(sampling));
  return CheckCount("sampling.allowed_token_ids", sampling.allowed_token_ids.size(),
                    kMaxAllowedTokenIds);
}

absl::Status CheckStopping(const StoppingOptions& stopping) {
  FIRSTLIGHT_RETURN_IF_ERROR(
      CheckInteger("stopping.max_tokens", stopping.max_tokens, 1, kMaxInt32));
  FIRSTLIGHT_RETURN_IF_ERROR(
      CheckInteger("stopping.min_tokens", stopping.min_tokens, 0, kMaxInt32));
  FIRSTLIGHT_RETURN_IF_ERROR(
      CheckCount("stopping.stop_sequences", stopping.stop_sequences.size(), kMaxStopSequences));
  for (size_t i = 0; i < stopping.stop_sequences.size(); ++i) {
    FIRSTLIGHT_RETURN_IF_ERROR(CheckSize(absl::StrCat("stopping.stop_sequences[", i, "]"),
                                         stopping.stop_sequences[i].size(), kMaxStopSequenceBytes,
                                         "bytes"));
  }
  FIRSTLIGHT_RETURN_IF_ERROR(
      CheckCount("stopping.stop_token_ids", stopping.stop_token_ids.size(), kMaxStopTokenIds));
  if (stopping.time_limit.has_value() && *stopping.time_limit <= absl::ZeroDuration()) {
    return Unexpected("stopping.time_limit", "a duration over 0",
                      absl::FormatDuration(*stopping.time_limit));
  }
  return absl::OkStatus();
}

absl::Status CheckIds(absl::string_view path, absl::Span<const int32_t> ids, int64_t vocab_size) {
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || ids[i] >= vocab_size) {
      return Unexpected(absl::StrCat(path, "[", i, "]"),
                        absl::StrCat("a token id in [0, ", vocab_size, ")"), ids[i]);
    }
  }
  return absl::OkStatus();
}

absl::string_view PromptPath(const GenerationRequest& request) {
  return std::holds_alternative<std::string>(request.input) ? "prompt" : "prompt_token_ids";
}

std::vector<int32_t> SortedUnique(std::vector<int32_t> ids) {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

// The request's words, else the checkpoint's. As transformers does, without those that are nothing
// but an end of sequence: it is not a word.
absl::StatusOr<std::vector<std::vector<int32_t>>> ResolveBadWords(
    const SamplingOptions& request, std::vector<std::vector<int32_t>> texts,
    const GenerationConfig& config, const std::vector<int32_t>& eos_token_ids, int64_t vocab_size) {
  std::vector<std::vector<int32_t>> words = std::move(texts);
  for (size_t i = 0; i < request.bad_word_token_ids.size(); ++i) {
    FIRSTLIGHT_RETURN_IF_ERROR(CheckIds(absl::StrCat("sampling.bad_word_token_ids[", i, "].ids"),
                                        request.bad_word_token_ids[i], vocab_size));
    words.push_back(request.bad_word_token_ids[i]);
  }
  if (request.bad_words.empty() && request.bad_word_token_ids.empty()) {
    words = config.bad_words_ids;
  }
  std::erase_if(words, [&eos_token_ids](const std::vector<int32_t>& word) {
    return word.size() == 1 &&
           std::binary_search(eos_token_ids.begin(), eos_token_ids.end(), word.front());
  });
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  return words;
}

absl::StatusOr<SamplingParameters> ResolveSampling(const SamplingOptions& request,
                                                   const GenerationConfig& config,
                                                   int64_t vocab_size, uint64_t drawn_seed) {
  SamplingParameters resolved;
  const double sampling_temperature =
      config.do_sample.value_or(false) ? config.temperature.value_or(1) : 0;
  resolved.temperature = request.temperature.value_or(sampling_temperature);
  resolved.top_k = request.top_k.value_or(config.top_k.value_or(0));
  resolved.top_p = request.top_p.value_or(config.top_p.value_or(1));
  resolved.min_p = request.min_p.value_or(config.min_p.value_or(0));
  resolved.typical_p = request.typical_p.value_or(config.typical_p.value_or(1));
  resolved.repetition_penalty =
      request.repetition_penalty.value_or(config.repetition_penalty.value_or(1));
  resolved.frequency_penalty = request.frequency_penalty.value_or(0);
  resolved.presence_penalty = request.presence_penalty.value_or(0);
  resolved.seed = request.seed.value_or(drawn_seed);
  for (const auto& [id, bias] : request.logit_bias) {
    if (id < 0 || id >= vocab_size) {
      return Unexpected("sampling.logit_bias", absl::StrCat("token ids in [0, ", vocab_size, ")"),
                        id);
    }
    resolved.logit_bias.emplace_back(id, static_cast<float>(bias));
  }
  FIRSTLIGHT_RETURN_IF_ERROR(
      CheckIds("sampling.allowed_token_ids", request.allowed_token_ids, vocab_size));
  resolved.allowed_token_ids = SortedUnique(request.allowed_token_ids);
  return resolved;
}

}  // namespace

absl::Status CheckRequest(const GenerationRequest& request) {
  if (const auto* text = std::get_if<std::string>(&request.input);
      text != nullptr && text->size() > static_cast<size_t>(kMaxPromptBytes)) {
    return Unexpected("prompt", absl::StrCat("at most ", kMaxPromptBytes, " bytes"), text->size());
  }
  FIRSTLIGHT_RETURN_IF_ERROR(CheckSampling(request.sampling));
  FIRSTLIGHT_RETURN_IF_ERROR(CheckStopping(request.stopping));
  const OutputOptions& output = request.output;
  FIRSTLIGHT_RETURN_IF_ERROR(
      CheckInteger("output.top_logprobs", output.top_logprobs, 0, kMaxTopLogprobs));
  if (output.top_logprobs > 0 && !output.logprobs && !output.prompt_logprobs) {
    return Unexpected("output.top_logprobs", "0 without output.logprobs or output.prompt_logprobs",
                      output.top_logprobs);
  }
  return CheckInteger("num_sequences", request.num_sequences, 1, kMaxNumSequences);
}

absl::Status CheckPrompt(absl::Span<const int32_t> prompt, const GenerationRequest& request,
                         const ModelLimits& limits) {
  if (prompt.empty()) {
    return Unexpected(PromptPath(request), "at least 1 token", 0);
  }
  if (prompt.size() > static_cast<size_t>(limits.context_length)) {
    return Unexpected(
        PromptPath(request),
        absl::StrCat("at most ", limits.context_length, " tokens (the context length)"),
        prompt.size());
  }
  return CheckIds("prompt_token_ids.ids", prompt, limits.vocab_size);
}

absl::StatusOr<ResolvedOptions> ResolveOptions(const GenerationRequest& request,
                                               int64_t prompt_tokens, const ModelLimits& limits,
                                               const GenerationConfig& config,
                                               int64_t default_max_tokens, uint64_t drawn_seed,
                                               std::vector<std::vector<int32_t>> bad_words) {
  const StoppingOptions& stopping = request.stopping;
  ResolvedOptions resolved;
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      resolved.sampling, ResolveSampling(request.sampling, config, limits.vocab_size, drawn_seed));

  const int64_t wanted =
      stopping.max_tokens.value_or(config.max_new_tokens.value_or(default_max_tokens));
  resolved.min_tokens = stopping.min_tokens.value_or(0);
  if (resolved.min_tokens > wanted) {
    return Unexpected("stopping.min_tokens", absl::StrCat("at most max_tokens (", wanted, ")"),
                      resolved.min_tokens);
  }
  const int64_t room = limits.context_length - prompt_tokens;
  resolved.max_tokens = std::min(wanted, room);
  resolved.at_max_tokens = wanted > room ? FinishReason::kContextLimit : FinishReason::kMaxTokens;
  // The last token is never read back, so it takes no place in the cache.
  const int64_t positions = prompt_tokens + std::max<int64_t>(resolved.max_tokens, 1) - 1;
  const bool computes = resolved.max_tokens > 0 || request.output.prompt_logprobs;
  if (computes && positions > limits.cache_positions) {
    return absl::InvalidArgumentError(
        absl::StrCat("stopping.max_tokens: expected prompt and answer to fit the KV cache of ",
                     limits.cache_positions, " positions (kv_cache_bytes), found ", prompt_tokens,
                     " prompt tokens and max_tokens ", resolved.max_tokens));
  }

  FIRSTLIGHT_RETURN_IF_ERROR(
      CheckIds("stopping.stop_token_ids", stopping.stop_token_ids, limits.vocab_size));
  if (!stopping.ignore_eos) {
    resolved.eos_token_ids = SortedUnique(config.eos_token_ids);
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(resolved.sampling.bad_words,
                              ResolveBadWords(request.sampling, std::move(bad_words), config,
                                              resolved.eos_token_ids, limits.vocab_size));
  resolved.stop_token_ids = SortedUnique(stopping.stop_token_ids);
  resolved.end_token_ids = resolved.eos_token_ids;
  resolved.end_token_ids.insert(resolved.end_token_ids.end(), resolved.stop_token_ids.begin(),
                                resolved.stop_token_ids.end());
  resolved.end_token_ids = SortedUnique(std::move(resolved.end_token_ids));
  return resolved;
}

}  // namespace firstlight
