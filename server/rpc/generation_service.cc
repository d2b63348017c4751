#include "server/rpc/generation_service.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "engine/chat/conversation.h"
#include "engine/chat/encode_prompt.h"
#include "engine/generation_options.h"
#include "engine/model.h"
#include "engine/tokenizer/detokenizer.h"
#include "engine/tokenizer/tokenizer.h"
#include "loader/base/status_macros.h"
#include "server/base/status.h"
#include "server/rpc/chat_messages.h"
#include "server/rpc/generate_stream.h"
#include "server/rpc/generation_messages.h"
#include "server/rpc/response_writer.h"

namespace firstlight {
namespace {

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

// A Chat on its way to the engine.
struct ChatCall {
  Conversation conversation;
  GenerationRequest generation;
  ModelPin pin;
};

absl::Status ReadChat(const v1::ChatRequest& message, absl::Time deadline, ChatCall* chat) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(chat->generation, ToGenerationRequest(message, deadline));
  FIRSTLIGHT_ASSIGN_OR_RETURN(chat->conversation, ToConversation(message));
  return CheckRequest(chat->generation);
}

absl::StatusOr<ChatPrompt> RenderUnlessCancelled(
    const Conversation& conversation,
    absl::StatusOr<std::shared_ptr<const ChatTemplates>> templates, const Cancellation& cancelled) {
  if (!templates.ok()) return templates.status();
  absl::StatusOr<ChatPrompt> prompt =
      RenderConversation(conversation, *std::move(templates), absl::Now(),
                         [&cancelled] { return cancelled.cancelled(); });
  if (!prompt.ok() && cancelled.cancelled()) return cancelled.status();
  return prompt;
}

// The model that requests for `name` go to, where it failed after its weights were bound: of its
// tokenizer in nearly all cases, and its template can still be read.
std::optional<ModelSnapshot> FailedAfterBinding(const ModelRegistry& registry,
                                                const std::string& name) {
  for (ModelSnapshot& model : registry.List()) {
    const bool meant =
        (model.current && (name.empty() || model.name == name)) ||
        std::find(model.aliases.begin(), model.aliases.end(), name) != model.aliases.end();
    const bool bound = model.facts.has_value();
    if (meant && model.state == ModelState::kFailed && bound) return std::move(model);
  }
  return std::nullopt;
}

// Renders the prompt and hands it to the engine. Blocks for as long as the template computes.
void StartChat(GenerateStream* stream, ChatCall* chat) {
  if (stream->cancelled()) return;
  absl::StatusOr<std::shared_ptr<const ChatTemplates>> templates =
      chat->pin.engine_model()->OpenChatTemplates();
  if (!templates.ok()) return stream->Refuse(templates.status());
  absl::StatusOr<ChatPrompt> prompt =
      RenderConversation(chat->conversation, *std::move(templates), absl::Now(),
                         [stream] { return stream->cancelled(); });
  if (!prompt.ok()) return stream->Refuse(prompt.status());
  GenerationRequest request = std::move(chat->generation);
  const bool with_tokens = request.output.token_ids || request.output.logprobs;
  const std::span<const std::string_view> shown = prompt->format->tokens();
  request.output.shown_special_tokens.assign(shown.begin(), shown.end());
  request.output.continues_prompt = prompt->continues_message;
  request.data_bytes = prompt->data_bytes;
  request.input = prompt->text;
  stream->Start(std::move(chat->pin), std::move(request),
                std::make_unique<ChatWriter>(*std::move(prompt), with_tokens));
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
  ModelRegistry* const registry = dependencies_.registry;
  const ModelRegistry::AcquireId id = registry->Acquire(
      message.model(),
      [stream, generation = *std::move(generation)](absl::StatusOr<ModelPin> pin) mutable {
        const bool with_tokens = generation.output.token_ids || generation.output.logprobs;
        stream->Start(std::move(pin), std::move(generation),
                      std::make_unique<GenerateWriter>(with_tokens));
      });
  if (id != 0) stream->SetAbandoned([registry, id] { registry->CancelAcquire(id); });
  return reactor;
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* GenerationService::Chat(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) {
  auto call = std::make_unique<CallRecord>(dependencies_.calls, "Chat", *context);
  absl::Status status = call->Begin();
  v1::ChatRequest message;
  if (status.ok()) status = ParseMessage(*request, &message);
  const auto chat = std::make_shared<ChatCall>();
  if (status.ok()) status = ReadChat(message, call->deadline(), chat.get());
  if (status.ok() && dependencies_.calls.log_prompts) {
    call->AddField({"messages", chat->conversation.messages_json});
  }
  const auto stream = std::make_shared<GenerateStream>(
      dependencies_.delivery, dependencies_.engine, dependencies_.calls.metrics, std::move(call));
  grpc::ServerWriteReactor<grpc::ByteBuffer>* const reactor = stream->Open();
  if (!status.ok()) {
    stream->Refuse(status);
    return reactor;
  }
  ModelRegistry* const registry = dependencies_.registry;
  const ModelRegistry::AcquireId id = registry->Acquire(
      message.model(),
      [tasks = dependencies_.tokenizing, stream, chat](absl::StatusOr<ModelPin> pin) {
        if (!pin.ok()) return stream->Refuse(pin.status());
        chat->pin = *std::move(pin);
        if (!tasks->Submit([stream, chat] { StartChat(stream.get(), chat.get()); })) {
          stream->Refuse(WithErrorInfo(
              absl::ResourceExhaustedError("too many conversations wait for their template"),
              "QUEUE_FULL"));
        }
      });
  if (id != 0) stream->SetAbandoned([registry, id] { registry->CancelAcquire(id); });
  return reactor;
}

// Waits, on no thread, for the model and then, where one is needed, for its tokenizer; then the
// work is done.
void GenerationService::StartWork(Needs needs, const std::string& model,
                                  const std::shared_ptr<CallRecord>& record,
                                  const std::shared_ptr<UnaryCall>& call, TextWork work,
                                  Otherwise otherwise) {
  std::shared_ptr<void> place = TakePlace();
  if (place == nullptr) {
    return call->Refuse(WithErrorInfo(
        absl::ResourceExhaustedError("too many calls of this kind wait already"), "QUEUE_FULL"));
  }
  auto acquired = [this, needs, record, call, place = std::move(place), work = std::move(work),
                   otherwise = std::move(otherwise)](absl::StatusOr<ModelPin> pin) mutable {
    if (!pin.ok()) {
      UnaryWork rest = otherwise ? otherwise(pin.status()) : UnaryWork();
      if (!rest) return call->Refuse(pin.status());
      call->SetWork([place = std::move(place), rest = std::move(rest)](
                        const Cancellation& cancelled, grpc::ByteBuffer* response) {
        return rest(cancelled, response);
      });
      return call->Start(dependencies_.tokenizing);
    }
    const auto pinned = std::make_shared<ModelPin>(*std::move(pin));
    const std::shared_ptr<Model> model = pinned->engine_model();
    // The call alone keeps the model while it waits: the model keeps the callback.
    call->SetWork([needs, record, pinned, place = std::move(place), work = std::move(work)](
                      const Cancellation& cancelled, grpc::ByteBuffer* response) -> absl::Status {
      record->AddField({"model", (*pinned)->name});
      const Tokenizer* tokenizer = nullptr;
      if (needs == Needs::kTokenizer) {
        FIRSTLIGHT_ASSIGN_OR_RETURN(tokenizer,
                                    pinned->engine_model()->AwaitTokenizer(absl::InfinitePast()));
      }
      const absl::Status status = work(*pinned, tokenizer, cancelled, response);
      // What a damaged tokenizer image made is worth nothing, an error included.
      if (tokenizer != nullptr) {
        FIRSTLIGHT_RETURN_IF_ERROR(pinned->engine_model()->integrity()->Check());
      }
      return status;
    });
    if (needs == Needs::kModel) return call->Start(dependencies_.tokenizing);
    model->WhenTokenizerSettled(
        [weak = std::weak_ptr<UnaryCall>(call), tasks = dependencies_.tokenizing] {
          if (const std::shared_ptr<UnaryCall> waiting = weak.lock()) waiting->Start(tasks);
        });
  };
  ModelRegistry* const registry = dependencies_.registry;
  if (const ModelRegistry::AcquireId id = registry->Acquire(model, std::move(acquired)); id != 0) {
    call->SetAbandoned([registry, id] { registry->CancelAcquire(id); });
  }
}

// One of the places of calls that wait or work, given back with its last reference; nullptr when
// all are taken.
std::shared_ptr<void> GenerationService::TakePlace() {
  if (waiting_texts_->fetch_add(1) >= kMaxWaitingTexts) {
    waiting_texts_->fetch_sub(1);
    return nullptr;
  }
  return {waiting_texts_.get(), [count = waiting_texts_](void*) { count->fetch_sub(1); }};
}

grpc::ServerUnaryReactor* GenerationService::RenderChat(grpc::CallbackServerContext* context,
                                                        const grpc::ByteBuffer* request,
                                                        grpc::ByteBuffer* response) {
  const auto record = std::make_shared<CallRecord>(dependencies_.calls, "RenderChat", *context);
  const auto call = std::make_shared<UnaryCall>(record, response);
  grpc::ServerUnaryReactor* const reactor = call->Open();
  v1::RenderChatRequest message;
  absl::Status status = ParseMessage(*request, &message);
  const auto conversation = std::make_shared<Conversation>();
  if (status.ok()) {
    absl::StatusOr<Conversation> read = ToConversation(message);
    status = read.status();
    if (read.ok()) *conversation = *std::move(read);
  }
  if (!status.ok()) {
    call->Refuse(status);
    return reactor;
  }
  TextWork render = [conversation](const ModelPin& pin, const Tokenizer* tokenizer,
                                   const Cancellation& cancelled,
                                   grpc::ByteBuffer* out) -> absl::Status {
    FIRSTLIGHT_ASSIGN_OR_RETURN(
        ChatPrompt prompt,
        RenderUnlessCancelled(*conversation, pin.engine_model()->OpenChatTemplates(), cancelled));
    v1::RenderChatResponse answer;
    answer.set_model(pin->name);
    answer.set_version(pin->version);
    if (tokenizer != nullptr) {
      const absl::StatusOr<std::vector<int32_t>> ids =
          EncodePrompt(*tokenizer, prompt.text, prompt.data_bytes,
                       {.add_special_tokens = false,
                        .cancelled = [&cancelled] { return cancelled.cancelled(); }});
      if (!ids.ok()) return cancelled.cancelled() ? cancelled.status() : ids.status();
      answer.mutable_token_ids()->Assign(ids->begin(), ids->end());
    }
    answer.set_text(std::move(prompt.text));
    *out = SerializeMessage(answer);
    return absl::OkStatus();
  };
  if (message.include_token_ids()) {
    StartWork(Needs::kTokenizer, message.model(), record, call, std::move(render));
    return reactor;
  }
  // A template needs no tokenizer, also not of a model that has failed for want of one.
  Otherwise without_model = [registry = dependencies_.registry, conversation,
                             name = message.model()](const absl::Status& why) -> UnaryWork {
    if (!absl::IsFailedPrecondition(why)) return nullptr;
    std::optional<ModelSnapshot> model = FailedAfterBinding(*registry, name);
    if (!model.has_value()) return nullptr;
    return [conversation, model = *std::move(model)](const Cancellation& cancelled,
                                                     grpc::ByteBuffer* out) -> absl::Status {
      ChatTemplateCache cache;
      FIRSTLIGHT_ASSIGN_OR_RETURN(
          ChatPrompt prompt,
          RenderUnlessCancelled(*conversation, ChatTemplates::Open(model.directory, &cache),
                                cancelled));
      v1::RenderChatResponse answer;
      answer.set_model(model.name);
      answer.set_version(model.version);
      answer.set_text(std::move(prompt.text));
      *out = SerializeMessage(answer);
      return absl::OkStatus();
    };
  };
  StartWork(Needs::kModel, message.model(), record, call, std::move(render),
            std::move(without_model));
  return reactor;
}

grpc::ServerUnaryReactor* GenerationService::Tokenize(grpc::CallbackServerContext* context,
                                                      const grpc::ByteBuffer* request,
                                                      grpc::ByteBuffer* response) {
  const auto record = std::make_shared<CallRecord>(dependencies_.calls, "Tokenize", *context);
  const auto call = std::make_shared<UnaryCall>(record, response);
  grpc::ServerUnaryReactor* const reactor = call->Open();
  const auto message = std::make_shared<v1::TokenizeRequest>();
  absl::Status status = ParseMessage(*request, message.get());
  if (status.ok() && message->text().size() > kMaxTextBytes) {
    status = absl::InvalidArgumentError(absl::StrCat("text: expected at most ", kMaxTextBytes,
                                                     " bytes, found ", message->text().size()));
  }
  if (!status.ok()) {
    call->Refuse(status);
    return reactor;
  }
  StartWork(Needs::kTokenizer, message->model(), record, call,
            [message](const ModelPin& pin, const Tokenizer* tokenizer,
                      const Cancellation& cancelled, grpc::ByteBuffer* out) -> absl::Status {
              EncodeOptions options;
              options.add_special_tokens =
                  !message->has_add_special_tokens() || message->add_special_tokens();
              options.cancelled = [&cancelled] { return cancelled.cancelled(); };
              const absl::StatusOr<std::vector<int32_t>> ids =
                  tokenizer->Encode(message->text(), options);
              if (!ids.ok()) return cancelled.cancelled() ? cancelled.status() : ids.status();
              v1::TokenizeResponse answer;
              answer.set_model(pin->name);
              answer.set_version(pin->version);
              answer.mutable_token_ids()->Assign(ids->begin(), ids->end());
              *out = SerializeMessage(answer);
              return absl::OkStatus();
            });
  return reactor;
}

grpc::ServerUnaryReactor* GenerationService::Detokenize(grpc::CallbackServerContext* context,
                                                        const grpc::ByteBuffer* request,
                                                        grpc::ByteBuffer* response) {
  const auto record = std::make_shared<CallRecord>(dependencies_.calls, "Detokenize", *context);
  const auto call = std::make_shared<UnaryCall>(record, response);
  grpc::ServerUnaryReactor* const reactor = call->Open();
  const auto message = std::make_shared<v1::DetokenizeRequest>();
  if (const absl::Status status = ParseMessage(*request, message.get()); !status.ok()) {
    call->Refuse(status);
    return reactor;
  }
  StartWork(Needs::kTokenizer, message->model(), record, call,
            [message](const ModelPin& pin, const Tokenizer* tokenizer, const Cancellation&,
                      grpc::ByteBuffer* out) -> absl::Status {
              FIRSTLIGHT_RETURN_IF_ERROR(
                  CheckTokenIds(message->token_ids(), pin.engine_model()->spec().vocab_size));
              DecodeOptions options;
              options.skip_special_tokens = message->skip_special_tokens();
              v1::DetokenizeResponse answer;
              answer.set_model(pin->name);
              answer.set_version(pin->version);
              answer.set_text(Decode(*tokenizer, message->token_ids(), options));
              *out = SerializeMessage(answer);
              return absl::OkStatus();
            });
  return reactor;
}

}  // namespace firstlight
