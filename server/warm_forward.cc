#include "server/warm_forward.h"

#include <optional>
#include <utility>

#include "absl/time/time.h"
#include "engine/generation.h"
#include "loader/base/mutex.h"
#include "loader/base/status_macros.h"

namespace firstlight {
namespace {

// How long a wait goes on before it looks whether it is still wanted.
constexpr absl::Duration kPatience = absl::Milliseconds(50);

// Waits for the end and listens to nothing else.
class EndObserver final : public GenerationObserver {
 public:
  void OnStarted(StartedEvent) override {}
  void OnDelta(DeltaEvent) override {}
  void OnFinished(FinishedEvent) override {}
  bool HasRoom() const override { return true; }

  void OnDone(absl::Status status) override {
    {
      MutexLock lock(&mutex_);
      done_ = std::move(status);
    }
    changed_.SignalAll();
  }

  // Nothing after kPatience.
  std::optional<absl::Status> Await() {
    MutexLock lock(&mutex_);
    if (!done_.has_value()) changed_.WaitWithTimeout(&mutex_, kPatience);
    return done_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::optional<absl::Status> done_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::Status ComputeOneToken(Engine* engine, std::shared_ptr<Model> model,
                             const Cancellation& cancellation) {
  GenerationRequest request;
  request.input = std::vector<int32_t>{0};
  request.stopping.max_tokens = 1;
  request.stopping.ignore_eos = true;
  const auto observer = std::make_shared<EndObserver>();
  FIRSTLIGHT_ASSIGN_OR_RETURN(const Engine::RequestId id,
                              engine->Submit(std::move(model), std::move(request), observer));
  bool stopped = false;
  while (true) {
    if (std::optional<absl::Status> done = observer->Await(); done.has_value()) return *done;
    if (!stopped && cancellation.cancelled()) {
      engine->Cancel(id, cancellation.status());
      stopped = true;
    }
  }
}

}  // namespace firstlight
