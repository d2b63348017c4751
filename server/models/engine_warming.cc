#include "server/models/engine_warming.h"

#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "engine/generation.h"
#include "loader/base/mutex.h"
#include "loader/base/status_macros.h"

namespace firstlight {
namespace {

// How long a wait goes on before it looks whether it is still wanted.
constexpr absl::Duration kPatience = absl::Milliseconds(50);

// A status that another thread has.
class Outcome {
 public:
  void Set(absl::Status status) {
    {
      MutexLock lock(&mutex_);
      status_ = std::move(status);
    }
    changed_.SignalAll();
  }

  // Waits for it, calling `cancel` once when `cancellation` is cancelled first.
  absl::Status Await(const Cancellation& cancellation, const std::function<void()>& cancel) {
    bool told = false;
    while (true) {
      {
        MutexLock lock(&mutex_);
        if (!status_.has_value()) changed_.WaitWithTimeout(&mutex_, kPatience);
        if (status_.has_value()) break;
      }
      if (cancellation.cancelled() && !std::exchange(told, true)) cancel();
    }
    if (cancellation.cancelled()) return cancellation.status();
    MutexLock lock(&mutex_);
    return *status_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::optional<absl::Status> status_ ABSL_GUARDED_BY(mutex_);
};

// Waits for the end of a request and listens to nothing else.
class EndObserver final : public GenerationObserver {
 public:
  void OnStarted(StartedEvent) override {}
  void OnDelta(DeltaEvent) override {}
  void OnFinished(FinishedEvent) override {}
  void OnDone(absl::Status status) override { outcome_.Set(std::move(status)); }
  bool HasRoom() const override { return true; }

  Outcome& outcome() { return outcome_; }

 private:
  Outcome outcome_;
};

}  // namespace

absl::Status PopulateWeights(Engine* engine, const std::shared_ptr<Model>& model,
                             const Cancellation& cancellation) {
  const auto outcome = std::make_shared<Outcome>();
  const Engine::PopulateId id =
      engine->Populate(model, {.background = true, .on_progress = nullptr},
                       [outcome](absl::Status status) { outcome->Set(std::move(status)); });
  const absl::Status status = outcome->Await(cancellation, [&] { engine->CancelPopulate(id); });
  if (!absl::IsCancelled(status) || cancellation.cancelled()) return status;
  return absl::AbortedError(
      absl::StrCat("the model was parked by another call: ", status.message()));
}

absl::Status ComputeOneToken(Engine* engine, std::shared_ptr<Model> model,
                             const Cancellation& cancellation) {
  GenerationRequest request;
  request.input = std::vector<int32_t>{0};
  request.stopping.max_tokens = 1;
  request.stopping.ignore_eos = true;
  const auto observer = std::make_shared<EndObserver>();
  FIRSTLIGHT_ASSIGN_OR_RETURN(const Engine::RequestId id,
                              engine->Submit(std::move(model), std::move(request), observer));
  return observer->outcome().Await(cancellation,
                                   [&] { engine->Cancel(id, cancellation.status()); });
}

void ParkWeights(Engine* engine, const std::shared_ptr<Model>& model) {
  const auto parked = std::make_shared<absl::Notification>();
  engine->Park(model, [parked] { parked->Notify(); });
  parked->WaitForNotification();
}

}  // namespace firstlight
