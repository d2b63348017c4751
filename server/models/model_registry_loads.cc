// The half of ModelRegistry that loads: what blocks for files, tokenizers and weights.

#include <utility>

#include "absl/time/clock.h"
#include "loader/base/status_macros.h"
#include "server/models/model_registry.h"

namespace firstlight {
namespace {

// What a swap warms when it is not told: nobody should pay for a swap of a model that was warm.
WarmMode WarmAs(const std::weak_ptr<ServedModel>& previous) {
  const std::shared_ptr<ServedModel> served = previous.lock();
  if (served == nullptr) return WarmMode::kNone;
  const std::optional<WeightResidency> residency = served->loaded->Residency();
  const bool resident = residency.has_value() && residency->state() == ResidencyState::kResident;
  return resident ? WarmMode::kPopulate : WarmMode::kNone;
}

}  // namespace

void ModelRegistry::Declare(const std::vector<ModelArgument>& models) {
  {
    MutexLock lock(&mutex_);
    for (const ModelArgument& model : models) {
      const absl::StatusOr<Started> started =
          catalog_.BeginLoad(model.name, model.directory, ModelCatalog::Origin::kCommandLine);
      if (started.ok()) declared_.push_back({model.name, *started, model.directory});
    }
  }
  Publish();
}

int ModelRegistry::LoadDeclared() {
  for (const Declared& model : declared_) LoadOne(model.name, model.started, model.directory);
  int failed = 0;
  for (const Declared& model : declared_) {
    const absl::StatusOr<ModelSnapshot> snapshot = Get(model.name, model.started.version);
    if (snapshot.ok() && snapshot->state == ModelState::kFailed) ++failed;
  }
  return failed;
}

void ModelRegistry::LoadOne(const std::string& name, const Started& started,
                            const std::string& directory) {
  const absl::Time start = absl::Now();
  absl::StatusOr<std::unique_ptr<LoadedModel>> loaded = options_.loader(directory);
  absl::Status status = loaded.status();
  std::shared_ptr<ServedModel> model;
  if (status.ok()) {
    model = Share(name, started.version, *std::move(loaded));
    if (options_.ready_when_warm) {
      status = model->loaded->Warm(WarmMode::kPopulate, model, *started.cancellation);
    }
  }
  const absl::StatusOr<ModelCatalog::Switched> switched =
      EndLoad(name, started, status, model, absl::Now() - start, {});
  AnswerWaiting(name);
  if (!switched.ok()) return;
  model->loaded->Serves(model);
  // The pool's queue is as long as the command line; a refusal cannot happen, and if it did the
  // tokenizer would be built here.
  if (!options_.loading_tasks->Submit([this, model] { BuildTokenizer(model); })) {
    BuildTokenizer(model);
  }
}

absl::StatusOr<ModelCatalog::Switched> ModelRegistry::EndLoad(
    const std::string& name, const Started& started, const absl::Status& status,
    const std::shared_ptr<ServedModel>& model, absl::Duration load_time,
    const ModelCatalog::Handover& handover) {
  absl::StatusOr<ModelCatalog::Switched> switched = ModelCatalog::Switched();
  {
    MutexLock lock(&mutex_);
    if (status.ok()) {
      switched = catalog_.FinishLoad(model, load_time, handover);
    } else {
      catalog_.FailLoad(name, started.version, status);
      switched = status;
    }
  }
  Publish();
  return switched;
}

void ModelRegistry::BuildTokenizer(const std::shared_ptr<ServedModel>& model) {
  const absl::Status status = model->loaded->BuildTokenizer();
  if (!status.ok()) Fail(model->name, model->version, status);
}

void ModelRegistry::Fail(const std::string& name, int64_t version, const absl::Status& status) {
  ModelCatalog::Dropped dropped;
  {
    MutexLock lock(&mutex_);
    dropped = catalog_.Fail(name, version, status);
  }
  Publish();
}

absl::StatusOr<std::unique_ptr<LoadedModel>> ModelRegistry::LoadWhole(
    const std::string& directory, const Cancellation& cancellation) const {
  FIRSTLIGHT_RETURN_IF_ERROR(cancellation.status());
  FIRSTLIGHT_ASSIGN_OR_RETURN(std::unique_ptr<LoadedModel> loaded, options_.loader(directory));
  FIRSTLIGHT_RETURN_IF_ERROR(cancellation.status());
  FIRSTLIGHT_RETURN_IF_ERROR(loaded->BuildTokenizer());
  FIRSTLIGHT_RETURN_IF_ERROR(cancellation.status());
  return loaded;
}

absl::StatusOr<ModelSnapshot> ModelRegistry::ValidateOnly(const std::string& name,
                                                          const std::string& directory) {
  const absl::Time start = absl::Now();
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::unique_ptr<LoadedModel> loaded,
                              LoadWhole(directory, Cancellation()));
  ModelSnapshot snapshot;
  snapshot.name = name;
  snapshot.directory = directory;
  snapshot.state = ModelState::kActive;
  snapshot.facts = loaded->Facts();
  snapshot.load_time = absl::Now() - start;
  return snapshot;
}

// Everything between the begin of a load and its end, whichever it is.
absl::StatusOr<ModelCatalog::Switched> ModelRegistry::LoadAndSwitch(
    const std::string& name, const Started& started, const std::string& directory,
    const std::function<WarmMode()>& warm,
    const std::function<ModelCatalog::Handover()>& handover) {
  const absl::Time start = absl::Now();
  absl::StatusOr<std::unique_ptr<LoadedModel>> loaded = LoadWhole(directory, *started.cancellation);
  absl::Status status = loaded.status();
  std::shared_ptr<ServedModel> model;
  if (status.ok()) {
    model = Share(name, started.version, *std::move(loaded));
    const WarmMode mode = warm();
    if (mode != WarmMode::kNone) {
      status = model->loaded->Warm(mode, model, *started.cancellation);
    }
  }
  absl::StatusOr<ModelCatalog::Switched> switched =
      EndLoad(name, started, status, model, absl::Now() - start, handover());
  DeadlinesChanged();
  if (switched.ok()) model->loaded->Serves(model);
  return switched;
}

absl::StatusOr<ModelSnapshot> ModelRegistry::Load(const std::string& name,
                                                  const std::string& directory,
                                                  bool validate_only) {
  FIRSTLIGHT_RETURN_IF_ERROR(options_.roots.Check(directory));
  if (validate_only) {
    {
      MutexLock lock(&mutex_);
      FIRSTLIGHT_RETURN_IF_ERROR(catalog_.CheckLoad(name));
    }
    return ValidateOnly(name, directory);
  }
  Started started;
  {
    MutexLock lock(&mutex_);
    FIRSTLIGHT_ASSIGN_OR_RETURN(started,
                                catalog_.BeginLoad(name, directory, ModelCatalog::Origin::kAdmin));
  }
  Publish();
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      ModelCatalog::Switched switched,
      LoadAndSwitch(
          name, started, directory,
          [this] { return options_.ready_when_warm ? WarmMode::kPopulate : WarmMode::kNone; },
          [] { return ModelCatalog::Handover(); }));
  return std::move(switched.current);
}

absl::StatusOr<ModelRegistry::Swapped> ModelRegistry::Swap(const std::string& name,
                                                           const std::string& directory,
                                                           const SwapOptions& options) {
  FIRSTLIGHT_RETURN_IF_ERROR(options_.roots.Check(directory));
  ModelSnapshot previous;
  Started started;
  {
    MutexLock lock(&mutex_);
    FIRSTLIGHT_RETURN_IF_ERROR(catalog_.CheckSwap(name));
    FIRSTLIGHT_ASSIGN_OR_RETURN(previous, catalog_.Get(name, std::nullopt));
    if (!options.validate_only) {
      FIRSTLIGHT_ASSIGN_OR_RETURN(started, catalog_.BeginSwap(name, directory));
    }
  }
  if (options.validate_only) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(ModelSnapshot current, ValidateOnly(name, directory));
    return Swapped{std::move(current), std::move(previous)};
  }
  Publish();
  const auto warm = [&] {
    if (options.warm.has_value()) return *options.warm;
    return options_.ready_when_warm ? WarmMode::kPopulate : WarmAs(previous.served);
  };
  const auto handover = [&options] {
    ModelCatalog::Handover handover;
    handover.keep_previous = options.keep_previous;
    if (options.drain_timeout.has_value()) {
      handover.drain_deadline = absl::Now() + *options.drain_timeout;
    }
    return handover;
  };
  const absl::Time start = absl::Now();
  absl::StatusOr<ModelCatalog::Switched> switched =
      LoadAndSwitch(name, started, directory, warm, handover);
  if (options_.on_swap) options_.on_swap(name, switched.status(), absl::Now() - start);
  FIRSTLIGHT_RETURN_IF_ERROR(switched.status());
  return Swapped{std::move(switched->current), std::move(switched->previous)};
}

void ModelRegistry::CancelLoads(const absl::Status& status) {
  MutexLock lock(&mutex_);
  catalog_.CancelLoads(status);
}

absl::StatusOr<ModelSnapshot> ModelRegistry::Warm(const std::string& name,
                                                  std::optional<int64_t> version, WarmMode mode,
                                                  const Cancellation& cancellation) {
  std::shared_ptr<ServedModel> model;
  {
    MutexLock lock(&mutex_);
    FIRSTLIGHT_ASSIGN_OR_RETURN(model, catalog_.Mapped(name, version));
  }
  // Not idle, however long it takes.
  ++model->warms_in_flight;
  model->parked.store(false, std::memory_order_relaxed);
  const absl::Status warmed = model->loaded->Warm(mode, model, cancellation);
  if (warmed.ok()) {
    model->awake_since.store(absl::GetCurrentTimeNanos(), std::memory_order_relaxed);
  }
  --model->warms_in_flight;
  FIRSTLIGHT_RETURN_IF_ERROR(warmed);
  return Get(model->name, model->version);
}

absl::StatusOr<ModelSnapshot> ModelRegistry::Park(const std::string& name,
                                                  std::optional<int64_t> version) {
  std::shared_ptr<ServedModel> model;
  {
    MutexLock lock(&mutex_);
    FIRSTLIGHT_ASSIGN_OR_RETURN(model, catalog_.Mapped(name, version));
  }
  // First, so that a request that comes meanwhile is not forgotten.
  model->parked.store(true, std::memory_order_relaxed);
  model->loaded->Park(model);
  return Get(model->name, model->version);
}

}  // namespace firstlight
