#include "server/model_catalog.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "loader/base/status_macros.h"
#include "server/status.h"

namespace firstlight {
namespace {

absl::Status UnknownModel(const std::string& name, const std::vector<std::string>& known) {
  return WithErrorInfo(absl::NotFoundError(absl::StrCat(
                           "model: expected a loaded model (",
                           known.empty() ? "none is loaded" : absl::StrJoin(known, ", "),
                           "), found \"", name, "\"")),
                       "MODEL_NOT_FOUND", {{"model", name}});
}

absl::Status Busy(const std::string& name) {
  return WithErrorInfo(absl::AbortedError(absl::StrCat(
                           "model \"", name, "\": another load, swap or unload is under way")),
                       "MODEL_BUSY", {{"model", name}});
}

}  // namespace

absl::string_view ModelStateName(ModelState state) {
  switch (state) {
    case ModelState::kLoading:
      return "LOADING";
    case ModelState::kActive:
      return "ACTIVE";
    case ModelState::kDraining:
      return "DRAINING";
    case ModelState::kFailed:
      return "FAILED";
  }
  return "UNKNOWN";
}

absl::Status ModelCatalog::CheckLoad(const std::string& name) const {
  const auto found = names_.find(name);
  if (found == names_.end()) return absl::OkStatus();
  if (found->second.busy) return Busy(name);
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
  if (found != names_.end() && found->second.busy) return Busy(name);
  if (found == names_.end() || found->second.current == 0) {
    std::vector<std::string> known;
    for (const auto& [other, entry] : names_) {
      if (entry.current != 0) known.push_back(other);
    }
    return UnknownModel(name, known);
  }
  return absl::OkStatus();
}

int64_t ModelCatalog::Add(const std::string& name, const std::string& directory, Origin origin) {
  const int64_t version = ++last_version_;
  Name& entry = names_[name];
  entry.busy = true;
  entry.versions[version].directory = directory;
  entry.versions[version].origin = origin;
  return version;
}

absl::StatusOr<int64_t> ModelCatalog::BeginLoad(const std::string& name,
                                                const std::string& directory, Origin origin) {
  FIRSTLIGHT_RETURN_IF_ERROR(CheckLoad(name));
  const int64_t version = Add(name, directory, origin);
  if (origin == Origin::kCommandLine) names_[name].current = version;
  RecordChanged(name, version);
  return version;
}

absl::StatusOr<int64_t> ModelCatalog::BeginSwap(const std::string& name,
                                                const std::string& directory) {
  FIRSTLIGHT_RETURN_IF_ERROR(CheckSwap(name));
  const int64_t version = Add(name, directory, Origin::kAdmin);
  RecordChanged(name, version);
  return version;
}

std::shared_ptr<ServedModel> ModelCatalog::FinishLoad(std::shared_ptr<ServedModel> model,
                                                      absl::Duration load_time,
                                                      absl::Time drain_deadline) {
  const std::string name = model->name;
  const int64_t version = model->version;
  Name& entry = names_.at(name);
  entry.busy = false;
  const int64_t previous = std::exchange(entry.current, version);
  Version& loaded = entry.versions.at(version);
  loaded.state = ModelState::kActive;
  loaded.facts = model->loaded->Facts();
  loaded.load_time = load_time;
  loaded.served = model;
  loaded.held = std::move(model);
  RecordChanged(name, version);
  if (previous == 0 || previous == version) return nullptr;
  return Retire(name, previous, drain_deadline);
}

// Makes a version that the name no longer points at drain, or forgets it where nothing is mapped.
std::shared_ptr<ServedModel> ModelCatalog::Retire(const std::string& name, int64_t version,
                                                  absl::Time drain_deadline) {
  Version& entry = names_.at(name).versions.at(version);
  if (entry.served.expired()) {
    // FAILED, and already destroyed or never bound.
    Erase(name, version);
    return nullptr;
  }
  entry.state = ModelState::kDraining;
  entry.reason.clear();
  entry.drain_deadline = drain_deadline;
  RecordChanged(name, version);
  return std::exchange(entry.held, nullptr);
}

void ModelCatalog::FailLoad(const std::string& name, int64_t version, const absl::Status& status) {
  Name& entry = names_.at(name);
  entry.busy = false;
  Version& failed = entry.versions.at(version);
  failed.state = ModelState::kFailed;
  failed.reason = std::string(status.message());
  if (failed.origin == Origin::kAdmin) {
    Erase(name, version);
  } else {
    RecordChanged(name, version);
  }
}

std::shared_ptr<ServedModel> ModelCatalog::FailActive(const std::string& name, int64_t version,
                                                      const absl::Status& status) {
  const auto found = names_.find(name);
  if (found == names_.end()) return nullptr;
  const auto entry = found->second.versions.find(version);
  if (entry == found->second.versions.end() || entry->second.state != ModelState::kActive) {
    return nullptr;
  }
  entry->second.state = ModelState::kFailed;
  entry->second.reason = std::string(status.message());
  RecordChanged(name, version);
  return std::exchange(entry->second.held, nullptr);
}

absl::StatusOr<ModelCatalog::Unloaded> ModelCatalog::Unload(const std::string& name,
                                                            absl::Time drain_deadline) {
  FIRSTLIGHT_RETURN_IF_ERROR(CheckSwap(name));
  const int64_t version = std::exchange(names_.at(name).current, 0);
  Unloaded unloaded;
  unloaded.model = Snapshot(name, version, names_.at(name).versions.at(version));
  unloaded.served = Retire(name, version, drain_deadline);
  if (unloaded.served != nullptr) unloaded.model.state = ModelState::kDraining;
  return unloaded;
}

void ModelCatalog::Forget(const std::string& name, int64_t version) {
  const auto found = names_.find(name);
  if (found == names_.end() || !found->second.versions.contains(version)) return;
  // A FAILED one that its name still points at stays, so that its reason can be read.
  if (found->second.current == version) return;
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

absl::StatusOr<ModelCatalog::Resolution> ModelCatalog::Resolve(const std::string& name) const {
  std::vector<std::string> usable;
  std::vector<std::string> known;
  for (const auto& [other, entry] : names_) {
    if (entry.current == 0) continue;
    known.push_back(other);
    if (entry.versions.at(entry.current).state != ModelState::kFailed) usable.push_back(other);
  }
  std::string wanted = name;
  if (name.empty()) {
    const std::vector<std::string>& candidates = usable.empty() ? known : usable;
    if (candidates.empty()) return UnknownModel(name, known);
    if (candidates.size() > 1) {
      return WithErrorInfo(absl::InvalidArgumentError(
                               absl::StrCat("model: expected a name, since several are loaded (",
                                            absl::StrJoin(candidates, ", "), "), found none")),
                           "MODEL_REQUIRED", {{"field", "model"}});
    }
    wanted = candidates.front();
  }
  const auto found = names_.find(wanted);
  if (found == names_.end() || found->second.current == 0) return UnknownModel(wanted, known);
  const Version& version = found->second.versions.at(found->second.current);
  if (version.state == ModelState::kFailed) {
    return WithErrorInfo(absl::FailedPreconditionError(
                             absl::StrCat("model \"", wanted, "\" has failed: ", version.reason)),
                         "MODEL_FAILED", {{"model", wanted}});
  }
  return Resolution{wanted, version.held};
}

std::vector<std::shared_ptr<ServedModel>> ModelCatalog::TakeOverdue(absl::Time now) {
  std::vector<std::shared_ptr<ServedModel>> overdue;
  for (auto& [name, entry] : names_) {
    for (auto& [version, one] : entry.versions) {
      if (one.state != ModelState::kDraining || one.drain_deadline > now) continue;
      one.drain_deadline = absl::InfiniteFuture();
      if (std::shared_ptr<ServedModel> served = one.served.lock()) {
        overdue.push_back(std::move(served));
      }
    }
  }
  return overdue;
}

absl::Time ModelCatalog::next_drain_deadline() const {
  absl::Time next = absl::InfiniteFuture();
  for (const auto& [name, entry] : names_) {
    for (const auto& [version, one] : entry.versions) {
      if (one.state == ModelState::kDraining) next = std::min(next, one.drain_deadline);
    }
  }
  return next;
}

std::vector<ModelSnapshot> ModelCatalog::List() const {
  std::vector<ModelSnapshot> list;
  for (const auto& [name, entry] : names_) {
    for (const auto& [version, one] : entry.versions) list.push_back(Snapshot(name, version, one));
  }
  return list;
}

absl::StatusOr<ModelSnapshot> ModelCatalog::Get(const std::string& name,
                                                std::optional<int64_t> version) const {
  const auto found = names_.find(name);
  if (found == names_.end()) {
    std::vector<std::string> known;
    known.reserve(names_.size());
    for (const auto& [other, entry] : names_) known.push_back(other);
    return UnknownModel(name, known);
  }
  const Name& entry = found->second;
  const int64_t wanted = version.has_value()  ? *version
                         : entry.current != 0 ? entry.current
                                              : entry.versions.rbegin()->first;
  const auto one = entry.versions.find(wanted);
  if (one == entry.versions.end()) {
    return WithErrorInfo(
        absl::NotFoundError(absl::StrCat("model \"", name, "\": expected version ",
                                         entry.versions.rbegin()->first,
                                         " or another that is loaded, found ", wanted)),
        "MODEL_NOT_FOUND", {{"model", name}});
  }
  return Snapshot(name, wanted, one->second);
}

std::vector<ModelChange> ModelCatalog::Existing() const {
  std::vector<ModelChange> changes;
  for (const auto& [name, entry] : names_) {
    for (const auto& [version, one] : entry.versions) {
      changes.push_back(Change(name, version, ModelChangeType::kExisting));
    }
  }
  return changes;
}

std::vector<std::shared_ptr<ServedModel>> ModelCatalog::Live() const {
  std::vector<std::shared_ptr<ServedModel>> live;
  for (const auto& [name, entry] : names_) {
    for (const auto& [version, one] : entry.versions) {
      if (std::shared_ptr<ServedModel> served = one.served.lock())
        live.push_back(std::move(served));
    }
  }
  return live;
}

std::vector<ModelChange> ModelCatalog::TakeChanges() { return std::exchange(changes_, {}); }

ModelSnapshot ModelCatalog::Snapshot(const std::string& name, int64_t version,
                                     const Version& entry) const {
  ModelSnapshot snapshot;
  snapshot.name = name;
  snapshot.directory = entry.directory;
  snapshot.version = version;
  snapshot.state = entry.state;
  snapshot.reason = entry.reason;
  snapshot.facts = entry.facts;
  snapshot.load_time = entry.load_time;
  if (const std::shared_ptr<ServedModel> served = entry.served.lock()) {
    snapshot.requests_in_flight = served->requests_in_flight.load(std::memory_order_relaxed);
  }
  return snapshot;
}

ModelChange ModelCatalog::Change(const std::string& name, int64_t version,
                                 ModelChangeType type) const {
  const Name& entry = names_.at(name);
  ModelChange change;
  change.type = type;
  change.model = Snapshot(name, version, entry.versions.at(version));
  change.current = entry.current == version;
  change.name_serves =
      entry.current != 0 && entry.versions.at(entry.current).state == ModelState::kActive;
  return change;
}

void ModelCatalog::RecordChanged(const std::string& name, int64_t version) {
  changes_.push_back(Change(name, version, ModelChangeType::kChanged));
}

}  // namespace firstlight
