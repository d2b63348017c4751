#include "server/models/model_registry.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "loader/base/status_macros.h"
#include "server/base/status.h"

namespace firstlight {
namespace {

absl::Time Deadline(std::optional<absl::Duration> drain_timeout) {
  return drain_timeout.has_value() ? absl::Now() + *drain_timeout : absl::InfiniteFuture();
}

}  // namespace

// Models whose last reference is gone, and the count of those that still have one. Deleters share
// it, so that it does not matter who is destroyed first.
struct ModelRegistry::Retired {
  Mutex mutex;
  CondVar changed;
  std::deque<std::unique_ptr<ServedModel>> models ABSL_GUARDED_BY(mutex);
  int64_t referenced ABSL_GUARDED_BY(mutex) = 0;
  bool deadlines_changed ABSL_GUARDED_BY(mutex) = false;
  bool stopping ABSL_GUARDED_BY(mutex) = false;
};

ModelRegistry::ModelRegistry(Options options)
    : options_(std::move(options)), retired_(std::make_shared<Retired>()) {
  housekeeper_ = std::thread([this] { Housekeep(); });
}

ModelRegistry::~ModelRegistry() {
  {
    ModelCatalog dropped;
    MutexLock lock(&mutex_);
    std::swap(dropped, catalog_);
  }
  {
    MutexLock lock(&retired_->mutex);
    retired_->stopping = true;
  }
  retired_->changed.SignalAll();
  housekeeper_.join();
}

std::shared_ptr<ServedModel> ModelRegistry::Share(const std::string& name, int64_t version,
                                                  std::unique_ptr<LoadedModel> loaded) {
  auto* model = new ServedModel;
  model->name = name;
  model->version = version;
  model->loaded = std::move(loaded);
  {
    MutexLock lock(&retired_->mutex);
    ++retired_->referenced;
  }
  return {model, [retired = retired_](ServedModel* last) {
            MutexLock lock(&retired->mutex);
            --retired->referenced;
            retired->models.emplace_back(last);
            retired->changed.SignalAll();
          }};
}

void ModelRegistry::DeadlinesChanged() {
  {
    MutexLock lock(&retired_->mutex);
    retired_->deadlines_changed = true;
  }
  retired_->changed.SignalAll();
}

absl::StatusOr<ModelRegistry::Swapped> ModelRegistry::Rollback(
    const std::string& name, std::optional<absl::Duration> drain_timeout) {
  ModelCatalog::Switched switched;
  {
    MutexLock lock(&mutex_);
    FIRSTLIGHT_ASSIGN_OR_RETURN(switched, catalog_.Rollback(name, Deadline(drain_timeout)));
  }
  Publish();
  DeadlinesChanged();
  if (options_.on_rollback) options_.on_rollback(name);
  return Swapped{std::move(switched.current), std::move(switched.previous)};
}

absl::StatusOr<ModelSnapshot> ModelRegistry::Unload(const std::string& name,
                                                    std::optional<int64_t> version,
                                                    absl::Duration drain_timeout) {
  ModelCatalog::Unloaded unloaded;
  {
    MutexLock lock(&mutex_);
    FIRSTLIGHT_ASSIGN_OR_RETURN(unloaded, catalog_.Unload(name, version, Deadline(drain_timeout)));
  }
  Publish();
  DeadlinesChanged();
  return std::move(unloaded.model);
}

absl::StatusOr<ModelRegistry::AliasTarget> ModelRegistry::SetAlias(
    const AliasSnapshot& alias, std::optional<absl::Duration> drain_timeout) {
  ModelCatalog::Aliased aliased;
  {
    MutexLock lock(&mutex_);
    FIRSTLIGHT_ASSIGN_OR_RETURN(aliased, catalog_.SetAlias(alias, Deadline(drain_timeout)));
  }
  Publish();
  DeadlinesChanged();
  return AliasTarget{std::move(aliased.alias), std::move(aliased.model)};
}

absl::StatusOr<AliasSnapshot> ModelRegistry::DeleteAlias(
    const std::string& alias, std::optional<absl::Duration> drain_timeout) {
  ModelCatalog::Unaliased unaliased;
  {
    MutexLock lock(&mutex_);
    FIRSTLIGHT_ASSIGN_OR_RETURN(unaliased, catalog_.DeleteAlias(alias, Deadline(drain_timeout)));
  }
  Publish();
  DeadlinesChanged();
  return std::move(unaliased.alias);
}

std::vector<AliasSnapshot> ModelRegistry::Aliases() const {
  MutexLock lock(&mutex_);
  return catalog_.Aliases();
}

ModelRegistry::AcquireId ModelRegistry::Acquire(const std::string& name, AcquireCallback callback) {
  AcquireId id = 0;
  {
    MutexLock lock(&mutex_);
    id = ++last_acquire_;
  }
  return AcquireAs(id, name, std::move(callback)) ? id : 0;
}

// True when `callback` waits, as `id`; false when it has been called.
bool ModelRegistry::AcquireAs(AcquireId id, const std::string& name, AcquireCallback callback) {
  absl::StatusOr<ModelPin> result = ModelPin();
  {
    MutexLock lock(&mutex_);
    absl::StatusOr<ModelCatalog::Resolution> resolution = catalog_.Resolve(name);
    if (!resolution.ok()) {
      result = resolution.status();
    } else if (resolution->model != nullptr) {
      result = ModelPin(std::move(resolution->model));
    } else {
      const std::string& model = resolution->name;
      const auto waiting = static_cast<size_t>(
          std::count_if(waiting_.begin(), waiting_.end(),
                        [&](const auto& other) { return other.second.name == model; }));
      if (waiting < options_.max_waiting) {
        waiting_.emplace(id, Waiting{model, std::move(callback)});
        return true;
      }
      result = WithErrorInfo(
          absl::ResourceExhaustedError(absl::StrCat("model \"", model, "\" is loading, and ",
                                                    waiting, " requests wait for it already")),
          "QUEUE_FULL", {{"model", model}});
    }
  }
  callback(std::move(result));
  return false;
}

void ModelRegistry::CancelAcquire(AcquireId id) {
  std::map<AcquireId, Waiting>::node_type cancelled;  // destroyed without the lock
  MutexLock lock(&mutex_);
  cancelled = waiting_.extract(id);
}

void ModelRegistry::AnswerWaiting(const std::string& name) {
  std::map<AcquireId, Waiting> answered;
  {
    MutexLock lock(&mutex_);
    for (auto it = waiting_.begin(); it != waiting_.end();) {
      const auto next = std::next(it);
      if (it->second.name == name) answered.insert(waiting_.extract(it));
      it = next;
    }
  }
  for (auto& [id, waiting] : answered) AcquireAs(id, name, std::move(waiting.callback));
}

std::vector<ModelSnapshot> ModelRegistry::List() const {
  MutexLock lock(&mutex_);
  return catalog_.List();
}

absl::StatusOr<ModelSnapshot> ModelRegistry::Get(const std::string& name,
                                                 std::optional<int64_t> version) const {
  MutexLock lock(&mutex_);
  return catalog_.Get(name, version);
}

std::vector<std::shared_ptr<ServedModel>> ModelRegistry::Live() const {
  MutexLock lock(&mutex_);
  return catalog_.Live();
}

ModelRegistry::ListenerId ModelRegistry::AddListener(Listener listener) {
  MutexLock publish(&publish_mutex_);
  std::vector<ModelChange> changes;
  std::vector<ModelChange> existing;
  {
    MutexLock lock(&mutex_);
    changes = catalog_.TakeChanges();
    existing = catalog_.Existing();
  }
  for (const ModelChange& change : changes) {
    for (const auto& [id, other] : listeners_) other(change);
  }
  for (const ModelChange& change : existing) listener(change);
  listeners_.emplace(++last_listener_, std::move(listener));
  return last_listener_;
}

void ModelRegistry::RemoveListener(ListenerId id) {
  MutexLock publish(&publish_mutex_);
  listeners_.erase(id);
}

void ModelRegistry::Publish() {
  MutexLock publish(&publish_mutex_);
  std::vector<ModelChange> changes;
  {
    MutexLock lock(&mutex_);
    changes = catalog_.TakeChanges();
  }
  for (const ModelChange& change : changes) {
    for (const auto& [id, listener] : listeners_) listener(change);
  }
}

void ModelRegistry::Housekeep() {
  while (true) {
    std::deque<std::unique_ptr<ServedModel>> models;
    absl::Time next_deadline;
    {
      MutexLock lock(&mutex_);
      next_deadline = catalog_.next_drain_deadline();
    }
    {
      MutexLock lock(&retired_->mutex);
      while (retired_->models.empty() && !retired_->deadlines_changed &&
             absl::Now() < next_deadline) {
        if (retired_->stopping && retired_->referenced == 0) return;
        retired_->changed.WaitWithTimeout(&retired_->mutex, next_deadline - absl::Now());
      }
      retired_->deadlines_changed = false;
      models.swap(retired_->models);
    }
    for (std::unique_ptr<ServedModel>& model : models) {
      const std::string name = model->name;
      const int64_t version = model->version;
      if (options_.on_retired) options_.on_retired(*model);
      model.reset();  // unmaps
      {
        MutexLock lock(&mutex_);
        catalog_.Forget(name, version);
      }
      Publish();
    }
    ModelCatalog::Dropped overdue;  // dropped without the lock
    MutexLock lock(&mutex_);
    overdue = catalog_.TakeOverdue(absl::Now());
    for (const std::shared_ptr<ServedModel>& model : overdue) {
      options_.end_requests(model->loaded.get());
    }
  }
}

}  // namespace firstlight
