#ifndef FIRSTLIGHT_SERVER_MODELS_MODEL_REGISTRY_H_
#define FIRSTLIGHT_SERVER_MODELS_MODEL_REGISTRY_H_

// The models of the process: loads them, points names at versions, lets old versions drain, and
// destroys them where nobody waits. The rules are ModelCatalog's; this adds files, threads, time.
//
// Guarantees, besides the catalog's:
// 1. A model is destroyed (unmapped) on the registry's housekeeping thread and nowhere else.
// 2. A request for a model of the command line that is still LOADING waits, as long as it wishes;
//    it never sees NOT_FOUND or UNAVAILABLE.
// 3. Load and Swap have built the tokenizer before the model serves; a model of the command line
//    serves once it is bound, its tokenizer is built beside that, and if it fails, so does the
//    model.
// 4. Listeners see every change, in one order, one at a time.
//
// Thread-safe. Nothing here holds the mutex across files, threads or callbacks, except that
// end_requests is called under it: a version whose requests end cannot be rolled back to meanwhile.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "loader/base/mutex.h"
#include "server/base/task_pool.h"
#include "server/models/model_catalog.h"
#include "server/models/model_roots.h"
#include "server/models/served_model.h"
#include "server/options/option_values.h"

namespace firstlight {

class ModelRegistry {
 public:
  struct Options {
    ModelLoader loader;
    ModelRoots roots;
    // Ends the requests of a version with FINISH_REASON_MODEL_UNLOADED; neither blocks nor calls
    // the registry.
    std::function<void(LoadedModel*)> end_requests;
    // Builds the tokenizers of the command line's models. Outlives the registry.
    TaskPool* loading_tasks = nullptr;
    // Called with a version that is about to be destroyed, on the housekeeping thread; must not
    // block.
    std::function<void(const ServedModel&)> on_retired{};
    // Called when a swap that was begun has ended, with its status and how long it took, on the
    // thread that asked for it; must not block.
    std::function<void(const std::string& name, const absl::Status&, absl::Duration)> on_swap{};
    // Called when a rollback has ended well, likewise.
    std::function<void(const std::string& name)> on_rollback{};
    // Requests that may wait for one model to load.
    size_t max_waiting = 256;
    // A model is ACTIVE only once its weights are in memory, unless a swap says otherwise.
    bool ready_when_warm = false;
  };

  // Called with each change, never two at once; must neither block nor call the registry.
  using Listener = std::function<void(const ModelChange&)>;
  using ListenerId = uint64_t;
  using AcquireCallback = std::function<void(absl::StatusOr<ModelPin>)>;
  using AcquireId = uint64_t;

  explicit ModelRegistry(Options options);
  // Drops every model and waits until all are destroyed. REQUIRES: every pin has been dropped, or
  // will be without help of the calling thread; no call is under way.
  ~ModelRegistry();

  // The models of the command line, LOADING from now on. REQUIRES: names differ; called once.
  void Declare(const std::vector<ModelArgument>& models);
  // Maps and binds them one after the other on the calling thread and starts their tokenizers.
  // Returns how many failed.
  int LoadDeclared();

  // Block for as long as a load takes: not on gRPC's threads. They end early, with the status of
  // the cancellation, when Unload or CancelLoads wants that.
  absl::StatusOr<ModelSnapshot> Load(const std::string& name, const std::string& directory,
                                     bool validate_only);
  struct Swapped {
    ModelSnapshot current;
    ModelSnapshot previous;
  };
  struct SwapOptions {
    bool validate_only = false;
    std::optional<absl::Duration> drain_timeout{};  // nothing: as long as requests take
    // Nothing: populate when the old version is resident.
    std::optional<WarmMode> warm{};
    bool keep_previous = false;
  };
  absl::StatusOr<Swapped> Swap(const std::string& name, const std::string& directory,
                               const SwapOptions& options);
  // From now on no load succeeds: those under way end with `status`. Does not block.
  void CancelLoads(const absl::Status& status);

  // These do not block.
  absl::StatusOr<Swapped> Rollback(const std::string& name,
                                   std::optional<absl::Duration> drain_timeout);
  // Returns the version that drains, or whose load is being cancelled.
  absl::StatusOr<ModelSnapshot> Unload(const std::string& name, std::optional<int64_t> version,
                                       absl::Duration drain_timeout);
  struct AliasTarget {
    AliasSnapshot alias;
    ModelSnapshot model;
  };
  absl::StatusOr<AliasTarget> SetAlias(const AliasSnapshot& alias,
                                       std::optional<absl::Duration> drain_timeout);
  absl::StatusOr<AliasSnapshot> DeleteAlias(const std::string& alias,
                                            std::optional<absl::Duration> drain_timeout);
  std::vector<AliasSnapshot> Aliases() const;

  // LoadedModel::Warm and Park on a version that is ACTIVE or in STANDBY; they block for as long as
  // that takes.
  absl::StatusOr<ModelSnapshot> Warm(const std::string& name, std::optional<int64_t> version,
                                     WarmMode mode, const Cancellation& cancellation);
  absl::StatusOr<ModelSnapshot> Park(const std::string& name, std::optional<int64_t> version);

  // Calls back with a pin on what `name` (a name or alias; empty: the only model) leads to, at once
  // on this thread where it can be told, else from the thread that loads the model. Returns 0 in
  // the first case, else what CancelAcquire takes.
  AcquireId Acquire(const std::string& name, AcquireCallback callback);
  // Nobody wants the answer any more: the callback is destroyed, unless it has been called or is
  // about to be.
  void CancelAcquire(AcquireId id);

  // A version that is ACTIVE or in STANDBY has turned out not to work: it is FAILED from now on.
  // Requests for it then get DATA_LOSS where that is the status, else FAILED_PRECONDITION. Does not
  // block.
  void Fail(const std::string& name, int64_t version, const absl::Status& status);

  std::vector<ModelSnapshot> List() const;
  absl::StatusOr<ModelSnapshot> Get(const std::string& name, std::optional<int64_t> version) const;
  std::vector<std::shared_ptr<ServedModel>> Live() const;

  // From now on `listener` gets every change, after one kExisting change for each version there is,
  // delivered before this returns.
  ListenerId AddListener(Listener listener);
  // When this has returned, the listener is not being called and will not be. Not from a listener.
  void RemoveListener(ListenerId id);

 private:
  // What is to be destroyed. Outlives the registry's members that its deleters may outlive.
  struct Retired;
  using Started = ModelCatalog::Started;

  // model_registry_loads.cc
  void LoadOne(const std::string& name, const Started& started, const std::string& directory);
  void BuildTokenizer(const std::shared_ptr<ServedModel>& model);
  absl::StatusOr<std::unique_ptr<LoadedModel>> LoadWhole(const std::string& directory,
                                                         const Cancellation& cancellation) const;
  absl::StatusOr<ModelSnapshot> ValidateOnly(const std::string& name, const std::string& directory);
  // The end of a load, whichever it is: `model` serves, or `status` says why it does not.
  absl::StatusOr<ModelCatalog::Switched> EndLoad(const std::string& name, const Started& started,
                                                 const absl::Status& status,
                                                 const std::shared_ptr<ServedModel>& model,
                                                 absl::Duration load_time,
                                                 const ModelCatalog::Handover& handover);
  absl::StatusOr<ModelCatalog::Switched> LoadAndSwitch(
      const std::string& name, const Started& started, const std::string& directory,
      const std::function<WarmMode()>& warm,
      const std::function<ModelCatalog::Handover()>& handover);
  std::shared_ptr<ServedModel> Share(const std::string& name, int64_t version,
                                     std::unique_ptr<LoadedModel> loaded);

  bool AcquireAs(AcquireId id, const std::string& name, AcquireCallback callback);
  void AnswerWaiting(const std::string& name);
  void Publish() ABSL_LOCKS_EXCLUDED(mutex_, publish_mutex_);
  void DeadlinesChanged();
  void Housekeep();

  const Options options_;
  const std::shared_ptr<Retired> retired_;

  // Held while listeners are called, so that they see one order. Taken before mutex_.
  Mutex publish_mutex_ ABSL_ACQUIRED_BEFORE(mutex_);
  std::map<ListenerId, Listener> listeners_ ABSL_GUARDED_BY(publish_mutex_);
  ListenerId last_listener_ ABSL_GUARDED_BY(publish_mutex_) = 0;

  mutable Mutex mutex_;
  ModelCatalog catalog_ ABSL_GUARDED_BY(mutex_);
  struct Waiting {
    std::string name;  // never an alias
    AcquireCallback callback;
  };
  std::map<AcquireId, Waiting> waiting_ ABSL_GUARDED_BY(mutex_);
  AcquireId last_acquire_ ABSL_GUARDED_BY(mutex_) = 0;
  struct Declared {
    std::string name;
    Started started;
    std::string directory;
  };
  std::vector<Declared> declared_;

  std::thread housekeeper_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_MODELS_MODEL_REGISTRY_H_
