#ifndef FIRSTLIGHT_SERVER_RPC_GENERATION_SERVICE_H_
#define FIRSTLIGHT_SERVER_RPC_GENERATION_SERVICE_H_

// firstlight.v1.GenerationService.
//
// The methods are registered raw and their requests parsed here, so that a malformed one gets
// INVALID_ARGUMENT with an ErrorInfo instead of gRPC's own empty error. gRPC's threads parse and
// admit; tokenizing and generating happen elsewhere (server/rpc/unary_call.h,
// server/rpc/generate_stream.h). Nothing waits for a model or its tokenizer on a thread.

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "engine/engine.h"
#include "firstlight/v1/generation.grpc.pb.h"
#include "server/base/task_pool.h"
#include "server/models/model_registry.h"
#include "server/rpc/call.h"
#include "server/rpc/delivery_thread.h"
#include "server/rpc/unary_call.h"

namespace firstlight {

// The service with every method raw.
using RawGenerationService = v1::GenerationService::WithRawCallbackMethod_Generate<
    v1::GenerationService::WithRawCallbackMethod_Chat<
        v1::GenerationService::WithRawCallbackMethod_RenderChat<
            v1::GenerationService::WithRawCallbackMethod_Tokenize<
                v1::GenerationService::WithRawCallbackMethod_Detokenize<
                    v1::GenerationService::Service>>>>>;

class GenerationService final : public RawGenerationService {
 public:
  // Everything outlives the service and its calls.
  struct Dependencies {
    CallEnvironment calls;
    ModelRegistry* registry = nullptr;
    Engine* engine = nullptr;
    DeliveryThread* delivery = nullptr;
    TaskPool* tokenizing = nullptr;  // of every call that needs no engine, and of templates
  };

  explicit GenerationService(const Dependencies& dependencies);

  grpc::ServerWriteReactor<grpc::ByteBuffer>* Generate(grpc::CallbackServerContext* context,
                                                       const grpc::ByteBuffer* request) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* Chat(grpc::CallbackServerContext* context,
                                                   const grpc::ByteBuffer* request) override;
  grpc::ServerUnaryReactor* RenderChat(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* Tokenize(grpc::CallbackServerContext* context,
                                     const grpc::ByteBuffer* request,
                                     grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* Detokenize(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override;

 private:
  // Unary calls that wait or work; more get RESOURCE_EXHAUSTED.
  static constexpr int64_t kMaxWaitingTexts = 256;
  // The tokenizer is nullptr where none was asked for.
  using TextWork = std::function<absl::Status(const ModelPin&, const Tokenizer*,
                                              const Cancellation&, grpc::ByteBuffer* response)>;
  enum class Needs { kModel, kTokenizer };

  // What can be done of the work where there is no model to do it with, for `why`; may be null.
  using Otherwise = std::function<UnaryWork(const absl::Status& why)>;

  void StartWork(Needs needs, const std::string& model, const std::shared_ptr<CallRecord>& record,
                 const std::shared_ptr<UnaryCall>& call, TextWork work, Otherwise otherwise = {});
  std::shared_ptr<void> TakePlace();

  const Dependencies dependencies_;
  const std::shared_ptr<std::atomic<int64_t>> waiting_texts_ =
      std::make_shared<std::atomic<int64_t>>(0);
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_RPC_GENERATION_SERVICE_H_
