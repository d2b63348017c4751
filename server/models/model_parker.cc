#include "server/models/model_parker.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "server/models/park_policy.h"

namespace firstlight {

ModelParker::ModelParker(Options options) : options_(std::move(options)) {}

ModelParker::~ModelParker() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  changed_.SignalAll();
  if (thread_.joinable()) thread_.join();
}

void ModelParker::Start() {
  thread_ = std::thread([this] { Run(); });
}

void ModelParker::Look(absl::Time now) {
  std::vector<ModelSnapshot> models;
  std::vector<ParkCandidate> candidates;
  for (ModelSnapshot& model : options_.registry->List()) {
    const std::shared_ptr<ServedModel> served = model.served.lock();
    const bool mapped = model.state == ModelState::kActive || model.state == ModelState::kStandby;
    if (served == nullptr || !mapped) continue;
    const absl::Time awake = absl::FromUnixNanos(served->awake_since);
    candidates.push_back({.mappings = served->loaded->Mappings(),
                          .last_wanted = std::max(awake, served->last_use().value_or(awake)),
                          .in_use = model.requests_in_flight > 0 || served->warms_in_flight > 0 ||
                                    served->loaded->StaysInMemory(),
                          .parked = served->parked});
    models.push_back(std::move(model));
  }
  if (candidates.empty()) return;
  const bool short_of_memory = options_.memory_is_short();
  for (const size_t i : ChooseToPark(candidates, now, options_.idle_park, short_of_memory)) {
    const ModelSnapshot& model = models[i];
    const absl::Duration idle = now - candidates[i].last_wanted;
    std::vector<LogField> fields = {
        {"model", model.name},
        {"version", model.version},
        {"idle", idle},
        {"why", idle >= options_.idle_park ? "idle" : "memory is short"}};
    const absl::StatusOr<ModelSnapshot> parked = options_.registry->Park(model.name, model.version);
    if (parked.ok()) {
      options_.log->Info("parked", fields);
    } else {
      // It may have been unloaded meanwhile.
      fields.emplace_back("reason", parked.status().message());
      options_.log->Warning("not parked", fields);
    }
  }
}

void ModelParker::Run() {
  while (true) {
    {
      MutexLock lock(&mutex_);
      const absl::Time next = absl::Now() + kInterval;
      while (!stopping_ && absl::Now() < next) {
        changed_.WaitWithTimeout(&mutex_, next - absl::Now());
      }
      if (stopping_) return;
    }
    Look(absl::Now());
  }
}

}  // namespace firstlight
