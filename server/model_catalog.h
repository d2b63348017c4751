#ifndef FIRSTLIGHT_SERVER_MODEL_CATALOG_H_
#define FIRSTLIGHT_SERVER_MODEL_CATALOG_H_

// Which versions of which models exist, what each does, and what may happen next: the registry's
// rules as a plain state machine, without threads, locks, clocks or files.
//
//   LOADING -> ACTIVE -> DRAINING -> gone        LOADING -> FAILED (command line)
//   LOADING -> gone (a load or swap that failed)  ACTIVE -> FAILED (its tokenizer failed)
//
// Guarantees:
// 1. A version is a number that only grows, over all names, and is used once.
// 2. A name resolves to at most one version. FinishLoad moves it from one to the next in one step.
// 3. One load, swap or unload of a name at a time; a second is ABORTED.
// 4. A load that fails changes nothing of what was there before it.
//
// Thread-compatible: the registry holds its mutex around every call.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/served_model.h"

namespace firstlight {

enum class ModelState { kLoading, kActive, kDraining, kFailed };

// "LOADING", …
absl::string_view ModelStateName(ModelState state);

// One version as it is now: a value.
struct ModelSnapshot {
  std::string name;
  std::string directory;
  int64_t version = 0;
  ModelState state = ModelState::kLoading;
  std::string reason;               // of kFailed
  std::optional<ModelFacts> facts;  // once it is bound
  absl::Duration load_time;         // once it is bound
  int64_t requests_in_flight = 0;
};

enum class ModelChangeType { kExisting, kChanged, kRemoved };

struct ModelChange {
  ModelChangeType type = ModelChangeType::kChanged;
  ModelSnapshot model;
  bool current = false;      // whether the name points at this version now
  bool name_serves = false;  // whether the name points at an ACTIVE version now
  bool name_exists = true;   // whether any version of the name is left
};

class ModelCatalog {
 public:
  // What a name leads to.
  struct Resolution {
    std::string name;
    std::shared_ptr<ServedModel> model;  // nullptr while it is loading
  };

  enum class Origin {
    kCommandLine,  // resolves while it loads; stays as FAILED when it fails
    kAdmin,        // resolves once it is active; leaves no trace when it fails
  };

  // Starts a load under a free name, or one whose model has FAILED. ALREADY_EXISTS, ABORTED.
  absl::StatusOr<int64_t> BeginLoad(const std::string& name, const std::string& directory,
                                    Origin origin);
  // Starts a load beside the current version. NOT_FOUND, ABORTED.
  absl::StatusOr<int64_t> BeginSwap(const std::string& name, const std::string& directory);

  // As BeginLoad and BeginSwap would answer now, starting nothing.
  absl::Status CheckLoad(const std::string& name) const;
  absl::Status CheckSwap(const std::string& name) const;

  // The version is bound (and, but for the command line's, has its tokenizer): it becomes current.
  // The one before drains; its requests end at `drain_deadline`. Returns what the name no longer
  // points at, for the caller to drop without its lock; nullptr when there was none.
  std::shared_ptr<ServedModel> FinishLoad(std::shared_ptr<ServedModel> model,
                                          absl::Duration load_time, absl::Time drain_deadline);

  // The load has failed.
  void FailLoad(const std::string& name, int64_t version, const absl::Status& status);

  // An active version has turned out not to work. Its requests go on. Returns what to drop, as
  // FinishLoad; nullptr when the version is not active any more.
  std::shared_ptr<ServedModel> FailActive(const std::string& name, int64_t version,
                                          const absl::Status& status);

  // Takes the name away. Returns what to drop. NOT_FOUND, ABORTED.
  struct Unloaded {
    ModelSnapshot model;
    std::shared_ptr<ServedModel> served;  // nullptr for a FAILED one
  };
  absl::StatusOr<Unloaded> Unload(const std::string& name, absl::Time drain_deadline);

  // The version has been destroyed.
  void Forget(const std::string& name, int64_t version);

  // Where requests for `name` go; empty: to the only name whose model has not FAILED.
  // INVALID_ARGUMENT when that is not one, NOT_FOUND, FAILED_PRECONDITION with the reason for a
  // FAILED one.
  absl::StatusOr<Resolution> Resolve(const std::string& name) const;

  // Draining versions whose deadline has passed, each once. They may have been destroyed already.
  std::vector<std::shared_ptr<ServedModel>> TakeOverdue(absl::Time now);
  // The next deadline; InfiniteFuture when there is none.
  absl::Time next_drain_deadline() const;

  // By name, then version.
  std::vector<ModelSnapshot> List() const;
  // As List(), as changes of type kExisting.
  std::vector<ModelChange> Existing() const;
  // The version asked for, or the current one (else the newest). NOT_FOUND.
  absl::StatusOr<ModelSnapshot> Get(const std::string& name, std::optional<int64_t> version) const;
  // Every version that has been bound and not destroyed.
  std::vector<std::shared_ptr<ServedModel>> Live() const;

  // What has changed since the last call, in order.
  std::vector<ModelChange> TakeChanges();

 private:
  struct Version {
    std::string directory;
    ModelState state = ModelState::kLoading;
    Origin origin = Origin::kAdmin;
    std::string reason;
    std::optional<ModelFacts> facts;
    absl::Duration load_time;
    std::weak_ptr<ServedModel> served;
    std::shared_ptr<ServedModel> held;  // while ACTIVE
    absl::Time drain_deadline = absl::InfiniteFuture();
  };
  struct Name {
    int64_t current = 0;  // 0: none
    bool busy = false;    // a load, swap or unload is under way
    std::map<int64_t, Version> versions;
  };

  ModelSnapshot Snapshot(const std::string& name, int64_t version, const Version& entry) const;
  ModelChange Change(const std::string& name, int64_t version, ModelChangeType type) const;
  void RecordChanged(const std::string& name, int64_t version);
  void Erase(const std::string& name, int64_t version);
  std::shared_ptr<ServedModel> Retire(const std::string& name, int64_t version,
                                      absl::Time drain_deadline);
  int64_t Add(const std::string& name, const std::string& directory, Origin origin);

  std::map<std::string, Name> names_;
  int64_t last_version_ = 0;
  std::vector<ModelChange> changes_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_MODEL_CATALOG_H_
