#include "engine/scheduling/sequence.h"

#include <algorithm>
#include <new>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/scheduling/request.h"

namespace firstlight {
namespace {

bool Contains(const std::vector<int32_t>& ascending, int32_t id) {
  return std::binary_search(ascending.begin(), ascending.end(), id);
}

}  // namespace

Sequence::Sequence(const Request* request, int64_t index)
    : request_(request),
      index_(index),
      prompt_tokens_(static_cast<int64_t>(request->prompt.ids.size())),
      tokens_(request->prompt.ids),
      cache_(&request->model->cache()),
      state_(request->model->cache().state_arena()),
      stream_(StreamOptions(), request->options.output.continues_prompt
                                   ? absl::MakeConstSpan(request->prompt.ids)
                                   : absl::Span<const int32_t>()) {
  if (request->resolved.sampling.counts_tokens()) {
    counts_.AddPrompt(request->prompt.ids);
  }
}

TextStream::Options Sequence::StreamOptions() const {
  const GenerationRequest& options = request_->options;
  return {.index = index_,
          .tokenizer = request_->prompt.tokenizer,
          // A model without a tokenizer has nothing but tokens to say.
          .tokens = options.output.token_ids || options.output.logprobs ||
                    request_->prompt.tokenizer == nullptr,
          .logprobs = options.output.logprobs,
          .shown_special_tokens = options.output.shown_special_tokens,
          .stop_sequences = options.stopping.stop_sequences,
          .include_stop_sequence = options.stopping.include_stop_sequence};
}

SequenceAge Sequence::age() const { return {.request = request_->id, .index = index_}; }

absl::Span<const int32_t> Sequence::NextTokens(int64_t count) const {
  return absl::MakeConstSpan(tokens_).subspan(computed_, count);
}

int64_t Sequence::UndescribedPromptRows(int64_t rows) const {
  const int64_t described = request_->described_prompt;
  if (!request_->options.output.prompt_logprobs || described >= prompt_tokens_) return 0;
  // The row of a token tells of the token after it.
  const int64_t first = std::max<int64_t>(described - 1, 0);
  return std::clamp<int64_t>(computed_ + rows - first, 0, rows);
}

void Sequence::Advance(int64_t count) {
  computed_ += count;
  cache_.ReleaseBehind(computed_);
}

void Sequence::ReleaseBlocks() {
  cache_.Release();
  state_.Release();
  computed_ = 0;
}

bool Sequence::Reserve(int64_t chunk) {
  return state_.Reserve() && cache_.Reserve(NextSpan(chunk));
}

int64_t Sequence::MissingBytes(int64_t chunk) const {
  return state_.MissingBytes() + cache_.MissingBytes(NextSpan(chunk));
}

bool Sequence::TakePrompt(const Sequence& other) {
  const int64_t full = prompt_tokens_ / kBlockTokens;
  cache_.ShareBlocks(other.cache_, full);
  const CacheSpan own = {
      .first = prompt_tokens_, .end = length(), .chunk = length() - prompt_tokens_};
  if (!state_.Reserve() || !cache_.Reserve(own)) {
    ReleaseBlocks();
    return false;
  }
  state_.CopyFrom(other.state_);
  if (prompt_tokens_ % kBlockTokens != 0) cache_.CopyBlock(other.cache_, full);
  computed_ = prompt_tokens_;
  return true;
}

absl::Status Sequence::NoMemory(absl::Span<const float> logits) const {
  // The vocabulary is as long as the checkpoint says.
  return absl::ResourceExhaustedError(absl::StrCat(
      request_->model->directory(), ": no memory to choose among ", logits.size(), " tokens"));
}

absl::StatusOr<Sequence::Sampled> Sequence::Sample(absl::Span<const float> logits,
                                                   SamplerScratch* scratch) const {
  const ResolvedOptions& resolved = request_->resolved;
  SamplingContext context{.processors = {.counts = &counts_, .tokens = tokens_},
                          .sequence_index = static_cast<uint64_t>(index_),
                          .token_index = static_cast<uint64_t>(generated())};
  if (generated() < resolved.min_tokens) {
    context.processors.suppressed = resolved.end_token_ids;
  }
  try {
    const absl::StatusOr<int32_t> id = SampleToken(resolved.sampling, logits, context, scratch);
    if (absl::IsInvalidArgument(id.status())) {
      return id.status();  // names the request's fields
    }
    if (!id.ok()) {
      return absl::Status(id.status().code(),
                          absl::StrCat(request_->model->directory(), ": ", id.status().message()));
    }
    Sampled sampled{.id = *id, .logprobs = {}};
    if (request_->options.output.logprobs) {
      sampled.logprobs =
          ComputeLogprobs(logits, *id, request_->options.output.top_logprobs, scratch);
    }
    return sampled;
  } catch (const std::bad_alloc&) {
    return NoMemory(logits);
  }
}

absl::StatusOr<Logprobs> Sequence::PromptLogprobs(int64_t position, absl::Span<const float> logits,
                                                  SamplerScratch* scratch) const {
  if (!FindMaximum(logits).is_valid) {
    return absl::InternalError(absl::StrCat(request_->model->directory(), ": logits of position ",
                                            position, " of the prompt: expected finite numbers"));
  }
  try {
    return ComputeLogprobs(logits, tokens_[position + 1], request_->options.output.top_logprobs,
                           scratch);
  } catch (const std::bad_alloc&) {
    return NoMemory(logits);
  }
}

bool Sequence::IsEnd(int32_t id, FinishedEvent* finished) const {
  const ResolvedOptions& resolved = request_->resolved;
  if (Contains(resolved.eos_token_ids, id)) {
    finished->reason = FinishReason::kEndOfSequence;
  } else if (Contains(resolved.stop_token_ids, id)) {
    finished->reason = FinishReason::kStopSequence;
  } else {
    return false;
  }
  finished->stop_token_id = id;
  return true;
}

Sequence::Outcome Sequence::Accept(Sampled sampled, absl::Time now) {
  const ResolvedOptions& resolved = request_->resolved;
  const int32_t id = sampled.id;
  tokens_.push_back(id);
  if (resolved.sampling.counts_tokens()) {
    counts_.AddGenerated(id);
  }
  if (!first_token_.has_value()) {
    first_token_ = now;
  }
  last_token_ = now;

  FinishedEvent finished = MakeFinished(FinishReason::kStopSequence, now);
  const bool ends = IsEnd(id, &finished);
  const bool shows_end = finished.reason == FinishReason::kStopSequence &&
                         request_->options.stopping.include_stop_sequence;
  TextStream::Output output = stream_.Append({.id = id,
                                              .logprobs = std::move(sampled.logprobs),
                                              .has_text = !ends || shows_end,
                                              .stops_armed = generated() >= resolved.min_tokens});
  if (output.stop_sequence.has_value()) {
    finished.stop_sequence = output.stop_sequence;
    finished.stop_token_id.reset();
    finished.reason = FinishReason::kStopSequence;
    return Close(std::move(finished), std::move(output));
  }
  if (!ends && generated() < resolved.max_tokens) {
    const bool has_delta = !output.empty();
    return {.delta = std::move(output.delta), .has_delta = has_delta, .finished = std::nullopt};
  }
  if (!ends) {
    finished.reason = resolved.at_max_tokens;
  }
  return Close(std::move(finished), std::move(output));
}

Sequence::Outcome Sequence::Finish(FinishReason reason, absl::Time now) {
  TextStream::Output nothing;
  nothing.delta.index = index_;
  return Close(MakeFinished(reason, now), std::move(nothing));
}

Sequence::Outcome Sequence::Close(FinishedEvent finished, TextStream::Output output) {
  TextStream::Output rest = stream_.Finish();
  if (rest.stop_sequence.has_value()) {
    finished.reason = FinishReason::kStopSequence;
    finished.stop_sequence = rest.stop_sequence;
    finished.stop_token_id.reset();
  }
  output.delta.text += rest.delta.text;
  std::move(rest.delta.tokens.begin(), rest.delta.tokens.end(),
            std::back_inserter(output.delta.tokens));
  const bool has_delta = !output.empty();
  return {
      .delta = std::move(output.delta), .has_delta = has_delta, .finished = std::move(finished)};
}

FinishedEvent Sequence::MakeFinished(FinishReason reason, absl::Time now) const {
  FinishedEvent finished;
  finished.index = index_;
  finished.reason = reason;
  finished.usage = {.prompt_tokens = prompt_tokens_, .generated_tokens = generated()};
  const absl::Time arrival = request_->arrival;
  Timings& timings = finished.timings;
  if (request_->first_step.has_value()) {
    timings.queue = *request_->first_step - arrival;
  }
  if (request_->prefill_end.has_value()) {
    timings.prefill = *request_->prefill_end - *request_->first_step;
  }
  if (first_token_.has_value()) {
    timings.time_to_first_token = *first_token_ - arrival;
    timings.decode = last_token_ - *first_token_;
  }
  timings.total = now - arrival;
  finished.residency = request_->residency;
  return finished;
}

std::optional<DeltaEvent> Sequence::Echo() const {
  if (!request_->options.output.echo) {
    return std::nullopt;
  }
  return DeltaEvent{.index = index_, .text = request_->prompt.text, .tokens = {}};
}

}  // namespace firstlight
