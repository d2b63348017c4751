#ifndef FIRSTLIGHT_SERVER_MODELS_MODEL_CATALOG_H_
#define FIRSTLIGHT_SERVER_MODELS_MODEL_CATALOG_H_

// Which versions of which models exist, what each does, and what may happen next: the registry's
// rules as a plain state machine, without threads, clocks or files. docs/operations.md draws it.
//
//   LOADING -> ACTIVE                            the load is done
//   LOADING -> FAILED (command line) or gone     it is not, or it was cancelled
//   ACTIVE  -> STANDBY, DRAINING                 nothing points at it any more; kept, or not
//   STANDBY -> ACTIVE, DRAINING                  a rollback or an alias; the next swap, an unload
//   ACTIVE, STANDBY -> FAILED                    it has turned out not to work
//   DRAINING, FAILED -> gone                     destroyed, and nothing points at it
//
// Guarantees:
// 1. A version is a number that only grows, over all names, and is used once.
// 2. A name or alias resolves to at most one version. FinishLoad, Rollback and SetAlias move it
//    from one to the next in one step.
// 3. A version is ACTIVE exactly while it works and its name or an alias points at it.
// 4. One load or swap of a name at a time; a second is ABORTED.
// 5. A load that fails or is cancelled changes nothing of what was there before it.
// 6. An alias points at a name or at a version, never at an alias, and what it points at exists.
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
#include "server/base/cancellation.h"
#include "server/models/served_model.h"

namespace firstlight {

enum class ModelState { kLoading, kActive, kDraining, kFailed, kStandby };

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
  bool current = false;              // the name points at it
  std::vector<std::string> aliases;  // that lead to it, sorted
  std::optional<absl::Time> last_used;
  std::weak_ptr<ServedModel> served;  // once it is bound
};

struct AliasSnapshot {
  std::string alias;
  std::string name;
  std::optional<int64_t> version;  // nothing: it follows the name
};

enum class ModelChangeType { kExisting, kChanged, kRemoved };

struct ModelChange {
  struct AliasHealth {
    std::string alias;
    bool serves = false;  // it leads to an ACTIVE version
  };

  ModelChangeType type = ModelChangeType::kChanged;
  ModelSnapshot model;
  bool name_serves = false;          // whether the name points at an ACTIVE version now
  bool name_exists = true;           // whether any version of the name is left
  std::vector<AliasHealth> aliases;  // every alias there is now
};

class ModelCatalog {
 public:
  // What nothing points at any more: for the caller to drop without its lock.
  using Dropped = std::vector<std::shared_ptr<ServedModel>>;

  // What a name or alias leads to.
  struct Resolution {
    std::string name;                    // never an alias
    std::shared_ptr<ServedModel> model;  // nullptr while it is loading
  };

  enum class Origin {
    kCommandLine,  // resolves while it loads; stays as FAILED when it fails
    kAdmin,        // resolves once it is active; leaves no trace when it fails
  };

  struct Started {
    int64_t version = 0;
    std::shared_ptr<const Cancellation> cancellation;  // the load stops when it says so
  };

  // What becomes of the version that is left.
  struct Handover {
    absl::Time drain_deadline = absl::InfiniteFuture();  // then its requests end
    bool keep_previous = false;                          // as STANDBY, for Rollback
  };

  struct Switched {
    ModelSnapshot current;
    ModelSnapshot previous;  // version 0: there was none
    Dropped dropped;
  };

  // Starts a load under a free name, or one whose model has FAILED. ALREADY_EXISTS, ABORTED.
  absl::StatusOr<Started> BeginLoad(const std::string& name, const std::string& directory,
                                    Origin origin);
  // Starts a load beside the current version. NOT_FOUND, ABORTED.
  absl::StatusOr<Started> BeginSwap(const std::string& name, const std::string& directory);

  // As BeginLoad and BeginSwap would answer now, starting nothing.
  absl::Status CheckLoad(const std::string& name) const;
  absl::Status CheckSwap(const std::string& name) const;

  // The version is bound, warmed and (but for the command line's) has its tokenizer: it becomes
  // current. What an earlier swap kept is let go. The status of its cancellation, and the version
  // is gone, when that came first. REQUIRES: it is LOADING.
  absl::StatusOr<Switched> FinishLoad(std::shared_ptr<ServedModel> model, absl::Duration load_time,
                                      const Handover& handover);

  // The load has failed.
  void FailLoad(const std::string& name, int64_t version, const absl::Status& status);

  // A version that was bound has turned out not to work. Its requests go on. No effect on one that
  // is neither ACTIVE nor in STANDBY.
  Dropped Fail(const std::string& name, int64_t version, const absl::Status& status);

  // Makes the kept version current, and keeps the one that was unless that has FAILED. NOT_FOUND,
  // FAILED_PRECONDITION, ABORTED.
  absl::StatusOr<Switched> Rollback(const std::string& name, absl::Time drain_deadline);

  // Takes the name away, or one version, or cancels a load: see model_admin.proto. NOT_FOUND,
  // FAILED_PRECONDITION for what an alias points at, ABORTED for a name that is being swapped.
  struct Unloaded {
    ModelSnapshot model;
    Dropped dropped;
  };
  absl::StatusOr<Unloaded> Unload(const std::string& name, std::optional<int64_t> version,
                                  absl::Time drain_deadline);

  // Cancels every load, those that begin later too.
  void CancelLoads(const absl::Status& status);

  // Makes or moves an alias. What it leaves behind drains. NOT_FOUND, ALREADY_EXISTS,
  // FAILED_PRECONDITION.
  struct Aliased {
    AliasSnapshot alias;
    ModelSnapshot model;  // where it leads now
    Dropped dropped;
  };
  absl::StatusOr<Aliased> SetAlias(const AliasSnapshot& alias, absl::Time drain_deadline);
  struct Unaliased {
    AliasSnapshot alias;  // as it was
    Dropped dropped;
  };
  absl::StatusOr<Unaliased> DeleteAlias(const std::string& alias, absl::Time drain_deadline);

  // The version has been destroyed.
  void Forget(const std::string& name, int64_t version);

  // Where requests for `name`, a name or alias, go; empty: to the only name whose model has not
  // FAILED. INVALID_ARGUMENT when that is not one, NOT_FOUND, FAILED_PRECONDITION with the reason
  // for a FAILED one, DATA_LOSS where its files were damaged.
  absl::StatusOr<Resolution> Resolve(const std::string& name) const;

  // The version that is ACTIVE or in STANDBY: the one asked for, or the one that requests for
  // `name` go to. NOT_FOUND, FAILED_PRECONDITION.
  absl::StatusOr<std::shared_ptr<ServedModel>> Mapped(const std::string& name,
                                                      std::optional<int64_t> version) const;

  // Versions with requests past their drain deadline, each once.
  Dropped TakeOverdue(absl::Time now);
  // The next deadline; InfiniteFuture when there is none.
  absl::Time next_drain_deadline() const;

  // By name, then version.
  std::vector<ModelSnapshot> List() const;
  // By alias.
  std::vector<AliasSnapshot> Aliases() const;
  // As List(), as changes of type kExisting.
  std::vector<ModelChange> Existing() const;
  // The version asked for, or the one that requests for `name` (a name or alias) go to, else the
  // newest. NOT_FOUND.
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
    bool damaged = false;  // FAILED by DATA_LOSS
    std::optional<ModelFacts> facts;
    absl::Duration load_time;
    std::weak_ptr<ServedModel> served;
    std::shared_ptr<ServedModel> held;  // while ACTIVE or STANDBY
    absl::Time drain_deadline = absl::InfiniteFuture();
    std::shared_ptr<Cancellation> cancellation;  // while LOADING
  };
  struct Name {
    int64_t current = 0;  // 0: none
    int64_t kept = 0;     // what Rollback goes back to; 0: none
    int64_t loading = 0;  // by a load or swap under way; 0: none
    std::map<int64_t, Version> versions;
  };
  struct Alias {
    std::string name;
    std::optional<int64_t> version;
  };

  // model_catalog.cc: what changes.
  Started Add(const std::string& name, const std::string& directory, Origin origin);
  void Settle(const std::string& name, int64_t version, absl::Time drain_deadline,
              Dropped* dropped);
  void SettleAlias(const Alias& alias, absl::Time drain_deadline, Dropped* dropped);
  void Erase(const std::string& name, int64_t version);
  ModelSnapshot CancelLoad(const std::string& name, int64_t version);
  absl::StatusOr<Unloaded> UnloadName(const std::string& name, absl::Time drain_deadline);
  void RecordChanged(const std::string& name, int64_t version);

  // model_catalog_view.cc: what is asked.
  absl::Status CheckNotAliased(const std::string& name, std::optional<int64_t> version) const;
  absl::Status UnknownModel(const std::string& name) const;
  bool IsPointedAt(const std::string& name, int64_t version) const;
  int64_t Target(const Alias& alias) const;
  const Version* FindVersion(const std::string& name, int64_t version) const;
  // The name and, where it leads to one, the version. The name may be unknown.
  std::pair<std::string, int64_t> Follow(const std::string& name_or_alias) const;
  ModelSnapshot Snapshot(const std::string& name, int64_t version) const;
  ModelChange Change(const std::string& name, int64_t version, ModelChangeType type) const;

  std::map<std::string, Name> names_;
  std::map<std::string, Alias> aliases_;
  int64_t last_version_ = 0;
  absl::Status loads_cancelled_;
  std::vector<ModelChange> changes_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_MODELS_MODEL_CATALOG_H_
