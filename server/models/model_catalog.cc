// The half of ModelCatalog that changes it.

#include "server/models/model_catalog.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "loader/base/status_macros.h"
#include "server/base/status.h"

namespace firstlight {
namespace {

absl::Status Busy(const std::string& name, int64_t loading) {
  return WithErrorInfo(
      absl::AbortedError(absl::StrCat("model \"", name, "\": the load of version ", loading,
                                      " is under way; unload that version to cancel it")),
      "MODEL_BUSY", {{"model", name}, {"version", absl::StrCat(loading)}});
}

absl::Status Precondition(absl::string_view reason, const std::string& name,
                          const std::string& message) {
  return WithErrorInfo(absl::FailedPreconditionError(message), reason, {{"model", name}});
}

absl::Status NoVersion(const std::string& name, int64_t version, absl::string_view wanted) {
  return WithErrorInfo(absl::NotFoundError(absl::StrCat("model \"", name, "\": expected ", wanted,
                                                        ", found version ", version)),
                       "MODEL_NOT_FOUND", {{"model", name}});
}

}  // namespace

absl::Status ModelCatalog::CheckLoad(const std::string& name) const {
  if (const auto alias = aliases_.find(name); alias != aliases_.end()) {
    return WithErrorInfo(
        absl::AlreadyExistsError(absl::StrCat("model \"", name, "\": is an alias of model \"",
                                              alias->second.name, "\"")),
        "MODEL_EXISTS", {{"model", name}});
  }
  const auto found = names_.find(name);
  if (found == names_.end()) return absl::OkStatus();
  if (found->second.loading != 0) return Busy(name, found->second.loading);
  const int64_t current = found->second.current;
  if (current == 0 || found->second.versions.at(current).state == ModelState::kFailed) {
    return absl::OkStatus();
  }
  return WithErrorInfo(
      absl::AlreadyExistsError(absl::StrCat("model \"", name, "\": is loaded as version ", current,
                                            "; swap it, or unload it first")),
      "MODEL_EXISTS", {{"model", name}});
}

absl::Status ModelCatalog::CheckSwap(const std::string& name) const {
  const auto found = names_.find(name);
  if (found != names_.end() && found->second.loading != 0) {
    return Busy(name, found->second.loading);
  }
  if (found == names_.end() || found->second.current == 0) return UnknownModel(name);
  return absl::OkStatus();
}

ModelCatalog::Started ModelCatalog::Add(const std::string& name, const std::string& directory,
                                        Origin origin) {
  const int64_t version = ++last_version_;
  Name& entry = names_[name];
  entry.loading = version;
  if (origin == Origin::kCommandLine) entry.current = version;
  Version& loading = entry.versions[version];
  loading.directory = directory;
  loading.origin = origin;
  loading.cancellation = std::make_shared<Cancellation>();
  if (!loads_cancelled_.ok()) loading.cancellation->Cancel(loads_cancelled_);
  RecordChanged(name, version);
  return {version, loading.cancellation};
}

absl::StatusOr<ModelCatalog::Started> ModelCatalog::BeginLoad(const std::string& name,
                                                              const std::string& directory,
                                                              Origin origin) {
  FIRSTLIGHT_RETURN_IF_ERROR(CheckLoad(name));
  return Add(name, directory, origin);
}

absl::StatusOr<ModelCatalog::Started> ModelCatalog::BeginSwap(const std::string& name,
                                                              const std::string& directory) {
  FIRSTLIGHT_RETURN_IF_ERROR(CheckSwap(name));
  return Add(name, directory, Origin::kAdmin);
}

absl::StatusOr<ModelCatalog::Switched> ModelCatalog::FinishLoad(std::shared_ptr<ServedModel> model,
                                                                absl::Duration load_time,
                                                                const Handover& handover) {
  const std::string name = model->name;
  const int64_t version = model->version;
  Name& entry = names_.at(name);
  Version& loaded = entry.versions.at(version);
  if (absl::Status cancelled = loaded.cancellation->status(); !cancelled.ok()) {
    FailLoad(name, version, cancelled);
    return cancelled;
  }
  entry.loading = 0;
  loaded.cancellation = nullptr;
  loaded.state = ModelState::kActive;
  loaded.facts = model->loaded->Facts();
  loaded.load_time = load_time;
  loaded.served = model;
  loaded.held = std::move(model);
  const int64_t previous = std::exchange(entry.current, version);
  RecordChanged(name, version);

  Switched switched;
  const bool has_previous = previous != 0 && previous != version;
  const bool keep = has_previous && handover.keep_previous &&
                    entry.versions.at(previous).state == ModelState::kActive;
  const int64_t let_go = std::exchange(entry.kept, keep ? previous : 0);
  if (has_previous) {
    switched.previous = Snapshot(name, previous);
    Settle(name, previous, handover.drain_deadline, &switched.dropped);
    if (FindVersion(name, previous) != nullptr) switched.previous = Snapshot(name, previous);
  }
  if (let_go != 0) {
    // Its requests have the time that they were given, or these have now.
    const absl::Time given = entry.versions.at(let_go).drain_deadline;
    Settle(name, let_go, std::min(given, handover.drain_deadline), &switched.dropped);
  }
  switched.current = Snapshot(name, version);
  return switched;
}

// Makes the state of a bound version follow from what points at it.
void ModelCatalog::Settle(const std::string& name, int64_t version, absl::Time drain_deadline,
                          Dropped* dropped) {
  Name& entry = names_.at(name);
  Version& one = entry.versions.at(version);
  const bool works = one.state == ModelState::kActive || one.state == ModelState::kStandby;
  if (one.state == ModelState::kLoading || (!works && IsPointedAt(name, version))) {
    RecordChanged(name, version);
    return;
  }
  if (works && IsPointedAt(name, version)) {
    one.state = ModelState::kActive;
    one.drain_deadline = absl::InfiniteFuture();
  } else if (works && entry.kept == version) {
    one.state = ModelState::kStandby;
    one.drain_deadline = drain_deadline;
  } else if (one.served.expired()) {
    // FAILED, and already destroyed or never bound.
    Erase(name, version);
    return;
  } else {
    one.state = ModelState::kDraining;
    one.reason.clear();
    one.drain_deadline = drain_deadline;
    if (one.held != nullptr) dropped->push_back(std::exchange(one.held, nullptr));
  }
  RecordChanged(name, version);
}

void ModelCatalog::FailLoad(const std::string& name, int64_t version, const absl::Status& status) {
  Name& entry = names_.at(name);
  entry.loading = 0;
  Version& failed = entry.versions.at(version);
  const bool leaves_no_trace = failed.origin == Origin::kAdmin || failed.cancellation->cancelled();
  failed.cancellation = nullptr;
  failed.state = ModelState::kFailed;
  failed.reason = std::string(status.message());
  if (leaves_no_trace) {
    if (entry.current == version) entry.current = 0;
    Erase(name, version);
  } else {
    RecordChanged(name, version);
  }
}

ModelCatalog::Dropped ModelCatalog::Fail(const std::string& name, int64_t version,
                                         const absl::Status& status) {
  const auto found = names_.find(name);
  if (found == names_.end()) return {};
  const auto entry = found->second.versions.find(version);
  if (entry == found->second.versions.end()) return {};
  Version& failed = entry->second;
  if (failed.state != ModelState::kActive && failed.state != ModelState::kStandby) return {};
  failed.state = ModelState::kFailed;
  failed.reason = std::string(status.message());
  failed.damaged = absl::IsDataLoss(status);
  if (found->second.kept == version) found->second.kept = 0;
  RecordChanged(name, version);
  return {std::exchange(failed.held, nullptr)};
}

absl::StatusOr<ModelCatalog::Switched> ModelCatalog::Rollback(const std::string& name,
                                                              absl::Time drain_deadline) {
  FIRSTLIGHT_RETURN_IF_ERROR(CheckSwap(name));
  Name& entry = names_.at(name);
  const int64_t kept = entry.kept;
  if (kept == 0) {
    return Precondition(
        "NO_PREVIOUS_VERSION", name,
        absl::StrCat("model \"", name, "\": expected a version that a swap kept (keep_previous), ",
                     "found none beside version ", entry.current));
  }
  Switched switched;
  const int64_t previous = std::exchange(entry.current, kept);
  entry.kept = entry.versions.at(previous).state == ModelState::kFailed ? 0 : previous;
  Settle(name, kept, absl::InfiniteFuture(), &switched.dropped);
  switched.previous = Snapshot(name, previous);
  Settle(name, previous, drain_deadline, &switched.dropped);
  if (FindVersion(name, previous) != nullptr) switched.previous = Snapshot(name, previous);
  switched.current = Snapshot(name, kept);
  return switched;
}

ModelSnapshot ModelCatalog::CancelLoad(const std::string& name, int64_t version) {
  names_.at(name).versions.at(version).cancellation->Cancel(
      WithErrorInfo(absl::CancelledError(absl::StrCat("model \"", name, "\": the load of version ",
                                                      version, " was cancelled by UnloadModel")),
                    "LOAD_CANCELLED", {{"model", name}}));
  return Snapshot(name, version);
}

void ModelCatalog::CancelLoads(const absl::Status& status) {
  loads_cancelled_ = status;
  for (const auto& [name, entry] : names_) {
    if (entry.loading != 0) entry.versions.at(entry.loading).cancellation->Cancel(status);
  }
}

absl::StatusOr<ModelCatalog::Unloaded> ModelCatalog::UnloadName(const std::string& name,
                                                                absl::Time drain_deadline) {
  FIRSTLIGHT_RETURN_IF_ERROR(CheckNotAliased(name, std::nullopt));
  Name& entry = names_.at(name);
  const int64_t version = std::exchange(entry.current, 0);
  const int64_t kept = std::exchange(entry.kept, 0);
  Unloaded unloaded;
  unloaded.model = Snapshot(name, version);
  if (kept != 0) Settle(name, kept, drain_deadline, &unloaded.dropped);
  Settle(name, version, drain_deadline, &unloaded.dropped);
  if (FindVersion(name, version) != nullptr) unloaded.model = Snapshot(name, version);
  return unloaded;
}

absl::StatusOr<ModelCatalog::Unloaded> ModelCatalog::Unload(const std::string& name,
                                                            std::optional<int64_t> version,
                                                            absl::Time drain_deadline) {
  const auto found = names_.find(name);
  if (found == names_.end()) return UnknownModel(name);
  Name& entry = found->second;
  if (!version.has_value()) {
    if (entry.loading == 0) {
      if (entry.current == 0) return UnknownModel(name);
      return UnloadName(name, drain_deadline);
    }
    // Beside a version that serves, which of the two is meant has to be said.
    if (entry.current != 0 && entry.current != entry.loading) return Busy(name, entry.loading);
    version = entry.loading;
  }
  const auto one = entry.versions.find(*version);
  if (one == entry.versions.end()) return NoVersion(name, *version, "a version that is loaded");
  if (*version == entry.loading) {
    if (*version == entry.current) FIRSTLIGHT_RETURN_IF_ERROR(CheckNotAliased(name, std::nullopt));
    return Unloaded{CancelLoad(name, *version), {}};
  }
  if (*version == entry.current) {
    if (entry.loading != 0) return Busy(name, entry.loading);
    return UnloadName(name, drain_deadline);
  }
  FIRSTLIGHT_RETURN_IF_ERROR(CheckNotAliased(name, version));
  if (entry.kept == *version) entry.kept = 0;
  Unloaded unloaded;
  unloaded.model = Snapshot(name, *version);
  Settle(name, *version, drain_deadline, &unloaded.dropped);
  if (FindVersion(name, *version) != nullptr) unloaded.model = Snapshot(name, *version);
  return unloaded;
}

absl::StatusOr<ModelCatalog::Aliased> ModelCatalog::SetAlias(const AliasSnapshot& alias,
                                                             absl::Time drain_deadline) {
  if (names_.contains(alias.alias)) {
    return WithErrorInfo(
        absl::AlreadyExistsError(
            absl::StrCat("alias: expected a name that no model has, found \"", alias.alias, "\"")),
        "MODEL_EXISTS", {{"model", alias.alias}});
  }
  const auto found = names_.find(alias.name);
  if (found == names_.end()) return UnknownModel(alias.name);
  const Alias target = {alias.name, alias.version};
  if (alias.version.has_value()) {
    const Version* const version = FindVersion(alias.name, *alias.version);
    if (version == nullptr) {
      return NoVersion(alias.name, *alias.version, "a version that is loaded");
    }
    if (version->held == nullptr) {
      return Precondition("FAILED_PRECONDITION", alias.name,
                          absl::StrCat("model \"", alias.name, "\": expected a version that is ",
                                       "ACTIVE or in STANDBY, found version ", *alias.version, ": ",
                                       ModelStateName(version->state)));
    }
  } else if (found->second.current == 0) {
    return UnknownModel(alias.name);
  }
  Aliased aliased;
  std::optional<Alias> left;
  if (const auto old = aliases_.find(alias.alias); old != aliases_.end()) left = old->second;
  aliases_[alias.alias] = target;
  const int64_t version = Target(target);
  Settle(alias.name, version, absl::InfiniteFuture(), &aliased.dropped);
  if (left.has_value() && (left->name != alias.name || Target(*left) != version)) {
    SettleAlias(*left, drain_deadline, &aliased.dropped);
  }
  aliased.alias = alias;
  aliased.model = Snapshot(alias.name, version);
  return aliased;
}

absl::StatusOr<ModelCatalog::Unaliased> ModelCatalog::DeleteAlias(const std::string& alias,
                                                                  absl::Time drain_deadline) {
  const auto found = aliases_.find(alias);
  if (found == aliases_.end()) {
    return WithErrorInfo(
        absl::NotFoundError(absl::StrCat("alias: expected an alias, found \"", alias, "\"")),
        "MODEL_NOT_FOUND", {{"model", alias}});
  }
  Unaliased unaliased;
  const Alias left = std::move(found->second);
  aliases_.erase(found);
  unaliased.alias = {alias, left.name, left.version};
  SettleAlias(left, drain_deadline, &unaliased.dropped);
  return unaliased;
}

// An alias points there no more.
void ModelCatalog::SettleAlias(const Alias& alias, absl::Time drain_deadline, Dropped* dropped) {
  const int64_t version = Target(alias);
  if (FindVersion(alias.name, version) == nullptr) return;
  Settle(alias.name, version, drain_deadline, dropped);
}

void ModelCatalog::Forget(const std::string& name, int64_t version) {
  const Version* const one = FindVersion(name, version);
  // A load that failed after it was bound is erased by FailLoad; a FAILED version that something
  // points at stays, so that its reason can be read.
  if (one == nullptr || one->state == ModelState::kLoading || IsPointedAt(name, version)) return;
  Erase(name, version);
}

void ModelCatalog::Erase(const std::string& name, int64_t version) {
  ModelChange change = Change(name, version, ModelChangeType::kRemoved);
  Name& entry = names_.at(name);
  entry.versions.erase(version);
  change.name_exists = !entry.versions.empty();
  if (!change.name_exists) names_.erase(name);
  changes_.push_back(std::move(change));
}

ModelCatalog::Dropped ModelCatalog::TakeOverdue(absl::Time now) {
  Dropped overdue;
  for (auto& [name, entry] : names_) {
    for (auto& [version, one] : entry.versions) {
      if (one.drain_deadline > now) continue;
      one.drain_deadline = absl::InfiniteFuture();
      if (std::shared_ptr<ServedModel> served = one.served.lock()) {
        overdue.push_back(std::move(served));
      }
    }
  }
  return overdue;
}

std::vector<ModelChange> ModelCatalog::TakeChanges() { return std::exchange(changes_, {}); }

void ModelCatalog::RecordChanged(const std::string& name, int64_t version) {
  changes_.push_back(Change(name, version, ModelChangeType::kChanged));
}

}  // namespace firstlight
