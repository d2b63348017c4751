#include "server/model_registry.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "loader/base/status_macros.h"
#include "server/status.h"

namespace firstlight {

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

void ModelRegistry::Declare(const std::vector<ModelArgument>& models) {
  {
    MutexLock lock(&mutex_);
    for (const ModelArgument& model : models) {
      const absl::StatusOr<int64_t> version =
          catalog_.BeginLoad(model.name, model.directory, ModelCatalog::Origin::kCommandLine);
      if (version.ok()) declared_.push_back({model.name, *version, model.directory});
    }
  }
  Publish();
}

int ModelRegistry::LoadDeclared() {
  for (const Declared& model : declared_) LoadOne(model.name, model.version, model.directory);
  int failed = 0;
  for (const Declared& model : declared_) {
    const absl::StatusOr<ModelSnapshot> snapshot = Get(model.name, model.version);
    if (snapshot.ok() && snapshot->state == ModelState::kFailed) ++failed;
  }
  return failed;
}

void ModelRegistry::LoadOne(const std::string& name, int64_t version,
                            const std::string& directory) {
  const absl::Time start = absl::Now();
  absl::StatusOr<std::unique_ptr<LoadedModel>> loaded = options_.loader(directory);
  const absl::Status status = loaded.status();
  std::shared_ptr<ServedModel> model;
  std::shared_ptr<ServedModel> previous;
  if (status.ok()) model = Share(name, version, *std::move(loaded));
  {
    MutexLock lock(&mutex_);
    if (model != nullptr) {
      previous = catalog_.FinishLoad(model, absl::Now() - start, absl::InfiniteFuture());
    } else {
      catalog_.FailLoad(name, version, status);
    }
  }
  Publish();
  AnswerWaiting(name);
  if (model == nullptr) return;
  // The pool's queue is as long as the command line; a refusal cannot happen, and if it did the
  // tokenizer would be built here.
  if (!options_.loading_tasks->Submit([this, model] { BuildTokenizer(model); })) {
    BuildTokenizer(model);
  }
}

void ModelRegistry::BuildTokenizer(const std::shared_ptr<ServedModel>& model) {
  const absl::Status status = model->loaded->BuildTokenizer();
  if (status.ok()) return;
  std::shared_ptr<ServedModel> dropped;
  {
    MutexLock lock(&mutex_);
    dropped = catalog_.FailActive(model->name, model->version, status);
  }
  Publish();
}

absl::StatusOr<std::unique_ptr<LoadedModel>> ModelRegistry::LoadWhole(
    const std::string& directory) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(std::unique_ptr<LoadedModel> loaded, options_.loader(directory));
  FIRSTLIGHT_RETURN_IF_ERROR(loaded->BuildTokenizer());
  return loaded;
}

absl::StatusOr<ModelSnapshot> ModelRegistry::ValidateOnly(const std::string& name,
                                                          const std::string& directory) {
  const absl::Time start = absl::Now();
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::unique_ptr<LoadedModel> loaded, LoadWhole(directory));
  ModelSnapshot snapshot;
  snapshot.name = name;
  snapshot.directory = directory;
  snapshot.state = ModelState::kActive;
  snapshot.facts = loaded->Facts();
  snapshot.load_time = absl::Now() - start;
  return snapshot;
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
  const absl::Time start = absl::Now();
  int64_t version = 0;
  {
    MutexLock lock(&mutex_);
    FIRSTLIGHT_ASSIGN_OR_RETURN(version,
                                catalog_.BeginLoad(name, directory, ModelCatalog::Origin::kAdmin));
  }
  Publish();
  absl::StatusOr<std::unique_ptr<LoadedModel>> loaded = LoadWhole(directory);
  const absl::Status status = loaded.status();
  std::shared_ptr<ServedModel> model;
  std::shared_ptr<ServedModel> previous;
  if (status.ok()) model = Share(name, version, *std::move(loaded));
  absl::StatusOr<ModelSnapshot> result = ModelSnapshot();
  {
    MutexLock lock(&mutex_);
    if (model != nullptr) {
      previous = catalog_.FinishLoad(model, absl::Now() - start, absl::InfiniteFuture());
      result = catalog_.Get(name, version);
    } else {
      result = status;
      catalog_.FailLoad(name, version, status);
    }
  }
  Publish();
  return result;
}

absl::StatusOr<ModelRegistry::Swapped> ModelRegistry::Swap(
    const std::string& name, const std::string& directory, bool validate_only,
    std::optional<absl::Duration> drain_timeout) {
  FIRSTLIGHT_RETURN_IF_ERROR(options_.roots.Check(directory));
  Swapped swapped;
  const absl::Time start = absl::Now();
  int64_t version = 0;
  {
    MutexLock lock(&mutex_);
    FIRSTLIGHT_RETURN_IF_ERROR(catalog_.CheckSwap(name));
    FIRSTLIGHT_ASSIGN_OR_RETURN(swapped.previous, catalog_.Get(name, std::nullopt));
    if (!validate_only) {
      FIRSTLIGHT_ASSIGN_OR_RETURN(version, catalog_.BeginSwap(name, directory));
    }
  }
  if (validate_only) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(swapped.current, ValidateOnly(name, directory));
    return swapped;
  }
  Publish();
  absl::StatusOr<std::unique_ptr<LoadedModel>> loaded = LoadWhole(directory);
  absl::Status status = loaded.status();
  std::shared_ptr<ServedModel> model;
  std::shared_ptr<ServedModel> previous;  // dropped without the lock
  if (status.ok()) model = Share(name, version, *std::move(loaded));
  {
    MutexLock lock(&mutex_);
    if (model != nullptr) {
      const absl::Time deadline =
          drain_timeout.has_value() ? absl::Now() + *drain_timeout : absl::InfiniteFuture();
      previous = catalog_.FinishLoad(model, absl::Now() - start, deadline);
      if (const absl::StatusOr<ModelSnapshot> now = catalog_.Get(name, version); now.ok()) {
        swapped.current = *now;
      }
      if (const auto old = catalog_.Get(name, swapped.previous.version); old.ok()) {
        swapped.previous = *old;
      }
    } else {
      catalog_.FailLoad(name, version, status);
    }
  }
  Publish();
  {
    MutexLock lock(&retired_->mutex);
    retired_->deadlines_changed = true;
  }
  retired_->changed.SignalAll();
  if (model == nullptr) return status;
  return swapped;
}

absl::StatusOr<ModelSnapshot> ModelRegistry::Unload(const std::string& name,
                                                    absl::Duration drain_timeout) {
  ModelCatalog::Unloaded unloaded;
  {
    MutexLock lock(&mutex_);
    FIRSTLIGHT_ASSIGN_OR_RETURN(unloaded, catalog_.Unload(name, absl::Now() + drain_timeout));
  }
  Publish();
  {
    MutexLock lock(&retired_->mutex);
    retired_->deadlines_changed = true;
  }
  retired_->changed.SignalAll();
  return unloaded.model;
}

void ModelRegistry::Acquire(const std::string& name, AcquireCallback callback) {
  absl::StatusOr<ModelPin> result = ModelPin();
  {
    MutexLock lock(&mutex_);
    absl::StatusOr<ModelCatalog::Resolution> resolution = catalog_.Resolve(name);
    if (!resolution.ok()) {
      result = resolution.status();
    } else if (resolution->model != nullptr) {
      result = ModelPin(std::move(resolution->model));
    } else {
      std::vector<AcquireCallback>& waiting = waiting_[resolution->name];
      if (waiting.size() < options_.max_waiting) {
        waiting.push_back(std::move(callback));
        return;
      }
      result = WithErrorInfo(absl::ResourceExhaustedError(
                                 absl::StrCat("model \"", resolution->name, "\" is loading, and ",
                                              waiting.size(), " requests wait for it already")),
                             "QUEUE_FULL", {{"model", resolution->name}});
    }
  }
  callback(std::move(result));
}

void ModelRegistry::AnswerWaiting(const std::string& name) {
  std::vector<AcquireCallback> callbacks;
  {
    MutexLock lock(&mutex_);
    const auto found = waiting_.find(name);
    if (found == waiting_.end()) return;
    callbacks = std::move(found->second);
    waiting_.erase(found);
  }
  for (AcquireCallback& callback : callbacks) Acquire(name, std::move(callback));
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
      model.reset();  // unmaps
      {
        MutexLock lock(&mutex_);
        catalog_.Forget(name, version);
      }
      Publish();
    }
    std::vector<std::shared_ptr<ServedModel>> overdue;
    {
      MutexLock lock(&mutex_);
      overdue = catalog_.TakeOverdue(absl::Now());
    }
    for (const std::shared_ptr<ServedModel>& model : overdue) {
      options_.end_requests(model->loaded.get());
    }
  }
}

}  // namespace firstlight
