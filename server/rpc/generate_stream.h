#ifndef FIRSTLIGHT_SERVER_RPC_GENERATE_STREAM_H_
#define FIRSTLIGHT_SERVER_RPC_GENERATE_STREAM_H_

// One Generate or Chat call: takes the engine's events, keeps a bounded queue of them, and writes
// them out as fast as the client reads.
//
//   arrival -> pin a model (wait while it is LOADING) -> Engine::Submit -> events -> status
//
// The engine's threads only append to the queue. When it is full the engine leaves the request out
// of its steps (HasRoom) until half of it has been read (Engine::Resume). The client's going away
// and its deadline cancel the request wherever it is.

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <variant>

#include "engine/engine.h"
#include "engine/generation.h"
#include "loader/base/mutex.h"
#include "server/metrics/generation_metrics.h"
#include "server/models/served_model.h"
#include "server/rpc/call.h"
#include "server/rpc/message_stream.h"
#include "server/rpc/response_writer.h"

namespace firstlight {

class GenerateStream final : public MessageStream, public GenerationObserver {
 public:
  // Events that may wait for the client.
  static constexpr size_t kCapacity = 128;

  // The environment and the engine outlive the call.
  GenerateStream(DeliveryThread* delivery, Engine* engine, Metrics* metrics,
                 std::unique_ptr<CallRecord> call);

  // Ends the call before it has a model.
  void Refuse(absl::Status status);
  // Called once if the client goes away before Start; at once if it has gone.
  void SetAbandoned(std::function<void()> abandoned);
  // Starts the generation on `pin`, or ends the call with the error. `writer` says what the client
  // gets of it.
  void Start(absl::StatusOr<ModelPin> pin, GenerationRequest request,
             std::unique_ptr<ResponseWriter> writer);
  // Whether there is nobody to answer any more.
  bool cancelled() const;

  // GenerationObserver, from the engine's threads.
  void OnStarted(StartedEvent event) override;
  void OnPrompt(PromptEvent event) override;
  void OnFirstToken(const FirstTokenEvent& event) override;
  void OnDelta(DeltaEvent event) override;
  void OnFinished(FinishedEvent event) override;
  void OnDone(absl::Status status) override;
  bool HasRoom() const override;

 protected:
  // MessageStream.
  std::optional<grpc::ByteBuffer> Next() override;
  std::optional<absl::Status> End() override;
  void OnCancelled() override;
  void OnOver() override;

 private:
  using Event = std::variant<StartedEvent, PromptEvent, DeltaEvent, FinishedEvent>;

  void Push(Event event);
  // Into responses_.
  void Write(const StartedEvent& event);
  void Write(const PromptEvent& event);
  void Write(DeltaEvent event);
  void Write(const FinishedEvent& event);
  void ResumeIfNeeded();

  Engine* const engine_;
  Metrics* const metrics_registry_;
  const std::unique_ptr<CallRecord> call_;

  // Set by Start before the engine knows of the request, then only read.
  ModelPin pin_;
  std::string request_id_;
  bool with_tokens_ = false;
  std::unique_ptr<ResponseWriter> writer_;
  ResponseWriter::Responses responses_;  // Next()'s: written for events, and not sent

  mutable Mutex mutex_;
  std::optional<GenerationMetrics> metrics_ ABSL_GUARDED_BY(mutex_);
  std::deque<Event> events_ ABSL_GUARDED_BY(mutex_);
  int64_t prompt_tokens_ ABSL_GUARDED_BY(mutex_) = 0;
  std::optional<Engine::RequestId> id_ ABSL_GUARDED_BY(mutex_);  // once submitted
  std::optional<absl::Status> cancelled_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::Status> done_ ABSL_GUARDED_BY(mutex_);
  bool submitting_ ABSL_GUARDED_BY(mutex_) = false;
  std::function<void()> abandoned_ ABSL_GUARDED_BY(mutex_);  // until Start
  // The engine was told that there is no room, and has not been told otherwise.
  mutable bool held_back_ ABSL_GUARDED_BY(mutex_) = false;
  mutable bool was_held_back_ ABSL_GUARDED_BY(mutex_) = false;  // since the last delta
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_RPC_GENERATE_STREAM_H_
