#include "server/generation_service.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "engine/tokenizer/detokenizer.h"
#include "engine/tokenizer/tokenizer.h"
#include "loader/base/status_macros.h"
#include "server/generate_stream.h"
#include "server/generation_messages.h"
#include "server/status.h"

namespace firstlight {
namespace {

// How long a wait goes on before it looks whether the client is still there.
constexpr absl::Duration kPatience = absl::Milliseconds(50);

absl::Status Gone(const CallRecord& call, const std::atomic<bool>& cancelled) {
  if (cancelled || absl::Now() >= call.deadline()) return call.CancelledStatus();
  return absl::OkStatus();
}

// A pin on `name`, waiting while it is LOADING.
absl::StatusOr<ModelPin> AwaitModel(ModelRegistry* registry, const std::string& name,
                                    const CallRecord& call, const std::atomic<bool>& cancelled) {
  struct Answer {
    Mutex mutex;
    CondVar changed;
    std::optional<absl::StatusOr<ModelPin>> pin ABSL_GUARDED_BY(mutex);
  };
  const auto answer = std::make_shared<Answer>();
  registry->Acquire(name, [answer](absl::StatusOr<ModelPin> pin) {
    {
      MutexLock lock(&answer->mutex);
      answer->pin = std::move(pin);
    }
    answer->changed.Signal();
  });
  while (true) {
    {
      MutexLock lock(&answer->mutex);
      if (!answer->pin.has_value()) answer->changed.WaitWithTimeout(&answer->mutex, kPatience);
      if (answer->pin.has_value()) return *std::move(answer->pin);
    }
    FIRSTLIGHT_RETURN_IF_ERROR(Gone(call, cancelled));
  }
}

absl::StatusOr<const Tokenizer*> AwaitTokenizer(const Model& model, const CallRecord& call,
                                                const std::atomic<bool>& cancelled) {
  while (true) {
    absl::StatusOr<const Tokenizer*> tokenizer = model.AwaitTokenizer(absl::Now() + kPatience);
    if (tokenizer.ok() || !absl::IsDeadlineExceeded(tokenizer.status())) return tokenizer;
    FIRSTLIGHT_RETURN_IF_ERROR(Gone(call, cancelled));
  }
}

absl::Status CheckTokenIds(const google::protobuf::RepeatedField<int32_t>& ids,
                           int64_t vocabulary) {
  if (ids.size() > kMaxDetokenizeTokens) {
    return absl::InvalidArgumentError(absl::StrCat(
        "token_ids: expected at most ", kMaxDetokenizeTokens, " tokens, found ", ids.size()));
  }
  for (int i = 0; i < ids.size(); ++i) {
    if (ids[i] >= 0 && ids[i] < vocabulary) continue;
    return absl::InvalidArgumentError(absl::StrCat("token_ids[", i,
                                                   "]: expected a token id from 0 "
                                                   "to ",
                                                   vocabulary - 1, ", found ", ids[i]));
  }
  return absl::OkStatus();
}

}  // namespace

GenerationService::GenerationService(const Dependencies& dependencies)
    : dependencies_(dependencies) {}

grpc::ServerWriteReactor<grpc::ByteBuffer>* GenerationService::Generate(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) {
  auto call = std::make_unique<CallRecord>(dependencies_.calls, "Generate", *context);
  const absl::Status admitted = call->Begin();
  v1::GenerateRequest message;
  const absl::Status parsed = admitted.ok() ? ParseMessage(*request, &message) : admitted;
  if (parsed.ok() && dependencies_.calls.log_prompts) call->AddField({"prompt", message.prompt()});
  const absl::Time deadline = call->deadline();
  const auto stream = std::make_shared<GenerateStream>(
      dependencies_.delivery, dependencies_.engine, dependencies_.calls.metrics, std::move(call));
  grpc::ServerWriteReactor<grpc::ByteBuffer>* const reactor = stream->Open();
  if (!parsed.ok()) {
    stream->Refuse(parsed);
    return reactor;
  }
  absl::StatusOr<GenerationRequest> generation = ToGenerationRequest(&message, deadline);
  if (!generation.ok()) {
    stream->Refuse(generation.status());
    return reactor;
  }
  dependencies_.registry->Acquire(message.model(), [stream, generation = *std::move(generation)](
                                                       absl::StatusOr<ModelPin> pin) mutable {
    stream->Start(std::move(pin), std::move(generation));
  });
  return reactor;
}

grpc::ServerUnaryReactor* GenerationService::Tokenize(grpc::CallbackServerContext* context,
                                                      const grpc::ByteBuffer* request,
                                                      grpc::ByteBuffer* response) {
  auto call = std::make_shared<CallRecord>(dependencies_.calls, "Tokenize", *context);
  auto work = [this, call, bytes = *request](const std::atomic<bool>& cancelled,
                                             grpc::ByteBuffer* out) -> absl::Status {
    v1::TokenizeRequest message;
    FIRSTLIGHT_RETURN_IF_ERROR(ParseMessage(bytes, &message));
    if (message.text().size() > kMaxTextBytes) {
      return absl::InvalidArgumentError(absl::StrCat("text: expected at most ", kMaxTextBytes,
                                                     " bytes, found ", message.text().size()));
    }
    FIRSTLIGHT_ASSIGN_OR_RETURN(
        const ModelPin pin, AwaitModel(dependencies_.registry, message.model(), *call, cancelled));
    call->AddField({"model", pin->name});
    FIRSTLIGHT_ASSIGN_OR_RETURN(const Tokenizer* tokenizer,
                                AwaitTokenizer(*pin.engine_model(), *call, cancelled));
    EncodeOptions options;
    options.add_special_tokens = !message.has_add_special_tokens() || message.add_special_tokens();
    options.cancelled = [&] { return !Gone(*call, cancelled).ok(); };
    const absl::StatusOr<std::vector<int32_t>> ids = tokenizer->Encode(message.text(), options);
    if (!ids.ok()) {
      return absl::IsCancelled(ids.status()) ? call->CancelledStatus() : ids.status();
    }
    v1::TokenizeResponse answer;
    answer.set_model(pin->name);
    answer.set_version(pin->version);
    answer.mutable_token_ids()->Assign(ids->begin(), ids->end());
    *out = SerializeMessage(answer);
    return absl::OkStatus();
  };
  return AnswerUnary(std::move(call), response, dependencies_.tokenizing, std::move(work));
}

grpc::ServerUnaryReactor* GenerationService::Detokenize(grpc::CallbackServerContext* context,
                                                        const grpc::ByteBuffer* request,
                                                        grpc::ByteBuffer* response) {
  auto call = std::make_shared<CallRecord>(dependencies_.calls, "Detokenize", *context);
  auto work = [this, call, bytes = *request](const std::atomic<bool>& cancelled,
                                             grpc::ByteBuffer* out) -> absl::Status {
    v1::DetokenizeRequest message;
    FIRSTLIGHT_RETURN_IF_ERROR(ParseMessage(bytes, &message));
    FIRSTLIGHT_ASSIGN_OR_RETURN(
        const ModelPin pin, AwaitModel(dependencies_.registry, message.model(), *call, cancelled));
    call->AddField({"model", pin->name});
    const std::shared_ptr<Model> model = pin.engine_model();
    FIRSTLIGHT_RETURN_IF_ERROR(CheckTokenIds(message.token_ids(), model->spec().vocab_size));
    FIRSTLIGHT_ASSIGN_OR_RETURN(const Tokenizer* tokenizer,
                                AwaitTokenizer(*model, *call, cancelled));
    DecodeOptions options;
    options.skip_special_tokens = message.skip_special_tokens();
    v1::DetokenizeResponse answer;
    answer.set_model(pin->name);
    answer.set_version(pin->version);
    answer.set_text(Decode(*tokenizer, message.token_ids(), options));
    *out = SerializeMessage(answer);
    return absl::OkStatus();
  };
  return AnswerUnary(std::move(call), response, dependencies_.tokenizing, std::move(work));
}

}  // namespace firstlight
