#include "server/rpc/generation_messages.h"

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "loader/base/status_macros.h"

namespace firstlight {
namespace {

// Sixteen hexadecimal digits. Not a secret: it only has to be unlikely to come twice in a log.
std::string DrawRequestId() {
  thread_local std::mt19937_64 generator{std::random_device{}()};
  return absl::StrFormat("%016x", generator());
}

template <typename To, typename From>
std::optional<To> Optional(bool has, From value) {
  if (!has) return std::nullopt;
  return static_cast<To>(value);
}

SamplingOptions ToSampling(const v1::SamplingOptions& message) {
  SamplingOptions sampling;
  sampling.temperature = Optional<double>(message.has_temperature(), message.temperature());
  sampling.top_k = Optional<int64_t>(message.has_top_k(), message.top_k());
  sampling.top_p = Optional<double>(message.has_top_p(), message.top_p());
  sampling.min_p = Optional<double>(message.has_min_p(), message.min_p());
  sampling.typical_p = Optional<double>(message.has_typical_p(), message.typical_p());
  sampling.repetition_penalty =
      Optional<double>(message.has_repetition_penalty(), message.repetition_penalty());
  sampling.frequency_penalty =
      Optional<double>(message.has_frequency_penalty(), message.frequency_penalty());
  sampling.presence_penalty =
      Optional<double>(message.has_presence_penalty(), message.presence_penalty());
  sampling.seed = Optional<uint64_t>(message.has_seed(), message.seed());
  sampling.logit_bias.assign(message.logit_bias().begin(), message.logit_bias().end());
  // A map has no order; the engine's answer must not depend on one.
  std::sort(sampling.logit_bias.begin(), sampling.logit_bias.end());
  sampling.bad_words.assign(message.bad_words().begin(), message.bad_words().end());
  for (const v1::TokenIds& word : message.bad_word_token_ids()) {
    sampling.bad_word_token_ids.emplace_back(word.ids().begin(), word.ids().end());
  }
  sampling.allowed_token_ids.assign(message.allowed_token_ids().begin(),
                                    message.allowed_token_ids().end());
  return sampling;
}

absl::StatusOr<StoppingOptions> ToStopping(const v1::StoppingOptions& message) {
  StoppingOptions stopping;
  stopping.max_tokens = Optional<int64_t>(message.has_max_tokens(), message.max_tokens());
  stopping.min_tokens = Optional<int64_t>(message.has_min_tokens(), message.min_tokens());
  stopping.stop_sequences.assign(message.stop_sequences().begin(), message.stop_sequences().end());
  stopping.stop_token_ids.assign(message.stop_token_ids().begin(), message.stop_token_ids().end());
  stopping.include_stop_sequence = message.include_stop_sequence();
  stopping.ignore_eos = message.ignore_eos();
  if (message.has_time_limit()) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(stopping.time_limit,
                                FromProtoDuration(message.time_limit(), "stopping.time_limit"));
    if (*stopping.time_limit <= absl::ZeroDuration()) {
      return absl::InvalidArgumentError(
          absl::StrCat("stopping.time_limit: expected more than 0s, found ",
                       absl::FormatDuration(*stopping.time_limit)));
    }
  }
  return stopping;
}

// What GenerateRequest and ChatRequest have in common.
template <typename Message>
absl::StatusOr<GenerationRequest> ToRequestWithoutInput(const Message& message,
                                                        absl::Time deadline) {
  GenerationRequest request;
  if (message.request_id().size() > kMaxRequestIdBytes) {
    return absl::InvalidArgumentError(absl::StrCat("request_id: expected at most ",
                                                   kMaxRequestIdBytes, " bytes, found ",
                                                   message.request_id().size()));
  }
  request.request_id = message.request_id().empty() ? DrawRequestId() : message.request_id();
  request.sampling = ToSampling(message.sampling());
  FIRSTLIGHT_ASSIGN_OR_RETURN(request.stopping, ToStopping(message.stopping()));
  request.output.logprobs = message.output().logprobs();
  request.output.prompt_logprobs = message.output().prompt_logprobs();
  request.output.top_logprobs = message.output().top_logprobs();
  request.output.echo = message.output().echo();
  request.output.token_ids = message.output().token_ids();
  if (message.has_num_sequences()) request.num_sequences = message.num_sequences();
  request.deadline = deadline;
  return request;
}

v1::ResidencyClass ToResidencyClass(ResidencyClass residency) {
  switch (residency) {
    case ResidencyClass::kCold:
      return v1::RESIDENCY_CLASS_COLD;
    case ResidencyClass::kMapped:
      return v1::RESIDENCY_CLASS_MAPPED;
    case ResidencyClass::kWarm:
      return v1::RESIDENCY_CLASS_WARM;
  }
  return v1::RESIDENCY_CLASS_UNSPECIFIED;
}

void SetResidency(const RequestResidency& residency, v1::RequestResidency* message) {
  message->set_residency_class(ToResidencyClass(residency.residency));
  message->set_storage_bytes_read(residency.storage_bytes_read);
  message->set_major_faults(residency.major_faults);
  message->set_minor_faults(residency.minor_faults);
  if (residency.mapped_before.has_value()) {
    message->set_mapped_ratio_before(*residency.mapped_before);
  }
  if (residency.resident_before.has_value()) {
    message->set_resident_ratio_before(*residency.resident_before);
  }
}

void SetToken(GeneratedToken token, v1::Token* message) {
  message->set_id(token.id);
  message->set_text(std::move(token.text));
  if (token.logprob.has_value()) message->set_logprob(*token.logprob);
  for (TokenLogprob& other : token.top) {
    v1::TokenLogprob& top = *message->add_top();
    top.set_id(other.id);
    top.set_text(std::move(other.text));
    top.set_logprob(other.logprob);
  }
}

v1::FinishReason ToFinishReason(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStopSequence:
      return v1::FINISH_REASON_STOP_SEQUENCE;
    case FinishReason::kEndOfSequence:
      return v1::FINISH_REASON_END_OF_SEQUENCE;
    case FinishReason::kMaxTokens:
      return v1::FINISH_REASON_MAX_TOKENS;
    case FinishReason::kContextLimit:
      return v1::FINISH_REASON_CONTEXT_LIMIT;
    case FinishReason::kTimeLimit:
      return v1::FINISH_REASON_TIME_LIMIT;
    case FinishReason::kCancelled:
      return v1::FINISH_REASON_CANCELLED;
    case FinishReason::kModelUnloaded:
      return v1::FINISH_REASON_MODEL_UNLOADED;
  }
  return v1::FINISH_REASON_UNSPECIFIED;
}

}  // namespace

google::protobuf::Duration ToProtoDuration(absl::Duration duration) {
  google::protobuf::Duration message;
  message.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  message.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(duration)));
  return message;
}

absl::StatusOr<absl::Duration> FromProtoDuration(const google::protobuf::Duration& message,
                                                 absl::string_view field) {
  // The range and the rule of signs that google/protobuf/duration.proto states.
  constexpr int64_t kMaxSeconds = 315576000000;
  const int64_t seconds = message.seconds();
  const int64_t nanos = message.nanos();
  if (seconds < -kMaxSeconds || seconds > kMaxSeconds || nanos < -999999999 || nanos > 999999999 ||
      (seconds < 0 && nanos > 0) || (seconds > 0 && nanos < 0)) {
    return absl::InvalidArgumentError(absl::StrCat(field, ": expected a valid duration, found ",
                                                   seconds, " seconds and ", nanos, " nanos"));
  }
  return absl::Seconds(seconds) + absl::Nanoseconds(nanos);
}

absl::StatusOr<GenerationRequest> ToGenerationRequest(v1::GenerateRequest* message,
                                                      absl::Time deadline) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(GenerationRequest request, ToRequestWithoutInput(*message, deadline));
  switch (message->input_case()) {
    case v1::GenerateRequest::kPrompt:
      if (message->prompt().size() > kMaxTextBytes) {
        return absl::InvalidArgumentError(absl::StrCat("prompt: expected at most ", kMaxTextBytes,
                                                       " bytes, found ", message->prompt().size()));
      }
      request.input = std::move(*message->mutable_prompt());
      break;
    case v1::GenerateRequest::kPromptTokenIds: {
      const auto& ids = message->prompt_token_ids().ids();
      request.input = std::vector<int32_t>(ids.begin(), ids.end());
      break;
    }
    case v1::GenerateRequest::INPUT_NOT_SET:
      return absl::InvalidArgumentError(
          "input: expected prompt or prompt_token_ids, found neither");
  }
  if (message->has_add_special_tokens()) request.add_special_tokens = message->add_special_tokens();
  return request;
}

absl::StatusOr<GenerationRequest> ToGenerationRequest(const v1::ChatRequest& message,
                                                      absl::Time deadline) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(GenerationRequest request, ToRequestWithoutInput(message, deadline));
  if (request.output.echo) {
    return absl::InvalidArgumentError(
        "output.echo: expected false, found true: RenderChat returns the prompt of a conversation");
  }
  if (request.output.prompt_logprobs) {
    return absl::InvalidArgumentError(
        "output.prompt_logprobs: expected false, found true: Generate tells of the prompt that"
        " RenderChat returns");
  }
  // The template has written what special tokens there are to be.
  request.add_special_tokens = false;
  return request;
}

v1::GenerateResponse StartedMessage(const StartedEvent& event, const std::string& request_id,
                                    const std::string& model, int64_t version) {
  v1::GenerateResponse message;
  v1::GenerationStarted& started = *message.mutable_started();
  started.set_request_id(request_id);
  started.set_model(model);
  started.set_version(version);
  started.set_seed(event.seed);
  started.set_prompt_tokens(static_cast<int32_t>(event.prompt_tokens));
  return message;
}

v1::GenerateResponse PromptMessage(PromptEvent event) {
  v1::GenerateResponse message;
  v1::GenerationPrompt& prompt = *message.mutable_prompt();
  for (GeneratedToken& token : event.tokens) SetToken(std::move(token), prompt.add_tokens());
  return message;
}

v1::GenerateResponse DeltaMessage(DeltaEvent event, bool with_tokens) {
  v1::GenerateResponse message;
  v1::GenerationDelta& delta = *message.mutable_delta();
  delta.set_index(static_cast<int32_t>(event.index));
  delta.set_text(std::move(event.text));
  if (!with_tokens) return message;
  for (GeneratedToken& token : event.tokens) SetToken(std::move(token), delta.add_tokens());
  return message;
}

v1::GenerateResponse FinishedMessage(const FinishedEvent& event) {
  v1::GenerateResponse message;
  v1::GenerationFinished& finished = *message.mutable_finished();
  finished.set_index(static_cast<int32_t>(event.index));
  finished.set_finish_reason(ToFinishReason(event.reason));
  if (event.stop_sequence.has_value()) {
    finished.set_stop_sequence(*event.stop_sequence);
  } else if (event.stop_token_id.has_value()) {
    finished.set_stop_token_id(*event.stop_token_id);
  }
  finished.mutable_usage()->set_prompt_tokens(static_cast<int32_t>(event.usage.prompt_tokens));
  finished.mutable_usage()->set_generated_tokens(
      static_cast<int32_t>(event.usage.generated_tokens));
  v1::Timings& timings = *finished.mutable_timings();
  *timings.mutable_queue() = ToProtoDuration(event.timings.queue);
  *timings.mutable_prefill() = ToProtoDuration(event.timings.prefill);
  *timings.mutable_time_to_first_token() = ToProtoDuration(event.timings.time_to_first_token);
  *timings.mutable_decode() = ToProtoDuration(event.timings.decode);
  *timings.mutable_total() = ToProtoDuration(event.timings.total);
  if (event.residency.has_value()) SetResidency(*event.residency, finished.mutable_residency());
  return message;
}

}  // namespace firstlight
