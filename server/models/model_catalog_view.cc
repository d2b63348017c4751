// The half of ModelCatalog that answers questions.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/base/status.h"
#include "server/models/model_catalog.h"

namespace firstlight {

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
    case ModelState::kStandby:
      return "STANDBY";
  }
  return "UNKNOWN";
}

absl::Status ModelCatalog::UnknownModel(const std::string& name) const {
  const absl::Status unknown = [&] {
    if (const auto alias = aliases_.find(name); alias != aliases_.end()) {
      return absl::NotFoundError(absl::StrCat("model: expected the name of a model, found \"", name,
                                              "\", an alias of model \"", alias->second.name,
                                              "\""));
    }
    std::vector<std::string> known;
    for (const auto& [other, entry] : names_) {
      if (entry.current != 0) known.push_back(other);
    }
    for (const auto& [alias, target] : aliases_) known.push_back(alias);
    return absl::NotFoundError(absl::StrCat(
        "model: expected a loaded model (",
        known.empty() ? "none is loaded" : absl::StrJoin(known, ", "), "), found \"", name, "\""));
  }();
  return WithErrorInfo(unknown, "MODEL_NOT_FOUND", {{"model", name}});
}

absl::Status ModelCatalog::CheckNotAliased(const std::string& name,
                                           std::optional<int64_t> version) const {
  for (const auto& [alias, target] : aliases_) {
    if (target.name != name || (version.has_value() && target.version != version)) continue;
    return WithErrorInfo(
        absl::FailedPreconditionError(absl::StrCat(
            "model \"", name, "\": alias \"", alias, "\" points at ",
            target.version.has_value() ? absl::StrCat("version ", *target.version, " of it") : "it",
            "; move or delete the alias first")),
        "MODEL_ALIASED", {{"model", name}, {"alias", alias}});
  }
  return absl::OkStatus();
}

bool ModelCatalog::IsPointedAt(const std::string& name, int64_t version) const {
  const auto found = names_.find(name);
  if (found != names_.end() && found->second.current == version) return true;
  return std::any_of(aliases_.begin(), aliases_.end(), [&](const auto& alias) {
    return alias.second.name == name && alias.second.version == version;
  });
}

int64_t ModelCatalog::Target(const Alias& alias) const {
  if (alias.version.has_value()) return *alias.version;
  const auto found = names_.find(alias.name);
  return found == names_.end() ? 0 : found->second.current;
}

const ModelCatalog::Version* ModelCatalog::FindVersion(const std::string& name,
                                                       int64_t version) const {
  const auto found = names_.find(name);
  if (found == names_.end()) return nullptr;
  const auto one = found->second.versions.find(version);
  return one == found->second.versions.end() ? nullptr : &one->second;
}

std::pair<std::string, int64_t> ModelCatalog::Follow(const std::string& name_or_alias) const {
  if (const auto alias = aliases_.find(name_or_alias); alias != aliases_.end()) {
    return {alias->second.name, Target(alias->second)};
  }
  return {name_or_alias, Target({name_or_alias, std::nullopt})};
}

absl::StatusOr<ModelCatalog::Resolution> ModelCatalog::Resolve(const std::string& name) const {
  std::string wanted = name;
  if (name.empty()) {
    std::vector<std::string> usable;
    std::vector<std::string> known;
    for (const auto& [other, entry] : names_) {
      if (entry.current == 0) continue;
      known.push_back(other);
      if (entry.versions.at(entry.current).state != ModelState::kFailed) usable.push_back(other);
    }
    const std::vector<std::string>& candidates = usable.empty() ? known : usable;
    if (candidates.empty()) return UnknownModel(name);
    if (candidates.size() > 1) {
      return WithErrorInfo(absl::InvalidArgumentError(
                               absl::StrCat("model: expected a name, since several are loaded (",
                                            absl::StrJoin(candidates, ", "), "), found none")),
                           "MODEL_REQUIRED", {{"field", "model"}});
    }
    wanted = candidates.front();
  }
  const auto [target, number] = Follow(wanted);
  const Version* const version = FindVersion(target, number);
  if (version == nullptr) return UnknownModel(wanted);
  if (version->state == ModelState::kFailed) {
    const std::string message =
        absl::StrCat("model \"", wanted, "\" has failed: ", version->reason);
    return WithErrorInfo(
        version->damaged ? absl::DataLossError(message) : absl::FailedPreconditionError(message),
        "MODEL_FAILED", {{"model", wanted}});
  }
  return Resolution{target, version->held};
}

absl::StatusOr<std::shared_ptr<ServedModel>> ModelCatalog::Mapped(
    const std::string& name, std::optional<int64_t> version) const {
  const auto [target, current] = Follow(name);
  const Version* const found = FindVersion(target, version.value_or(current));
  if (found == nullptr) {
    const absl::StatusOr<ModelSnapshot> unknown = Get(name, version);
    return unknown.ok() ? UnknownModel(name) : unknown.status();
  }
  if (found->held != nullptr) return found->held;
  return WithErrorInfo(absl::FailedPreconditionError(absl::StrCat(
                           "model \"", name,
                           "\": expected a version that is ACTIVE or in STANDBY, "
                           "found version ",
                           version.value_or(current), ": ", ModelStateName(found->state))),
                       "FAILED_PRECONDITION", {{"model", name}});
}

absl::Time ModelCatalog::next_drain_deadline() const {
  absl::Time next = absl::InfiniteFuture();
  for (const auto& [name, entry] : names_) {
    for (const auto& [version, one] : entry.versions) next = std::min(next, one.drain_deadline);
  }
  return next;
}

std::vector<ModelSnapshot> ModelCatalog::List() const {
  std::vector<ModelSnapshot> list;
  for (const auto& [name, entry] : names_) {
    for (const auto& [version, one] : entry.versions) list.push_back(Snapshot(name, version));
  }
  return list;
}

std::vector<AliasSnapshot> ModelCatalog::Aliases() const {
  std::vector<AliasSnapshot> list;
  list.reserve(aliases_.size());
  for (const auto& [alias, target] : aliases_) list.push_back({alias, target.name, target.version});
  return list;
}

absl::StatusOr<ModelSnapshot> ModelCatalog::Get(const std::string& name,
                                                std::optional<int64_t> version) const {
  const auto [target, current] = Follow(name);
  const auto found = names_.find(target);
  if (found == names_.end()) return UnknownModel(name);
  const Name& entry = found->second;
  const int64_t newest = entry.versions.rbegin()->first;
  const int64_t wanted = version.value_or(current != 0 ? current : newest);
  if (!entry.versions.contains(wanted)) {
    return WithErrorInfo(
        absl::NotFoundError(absl::StrCat("model \"", target, "\": expected version ", newest,
                                         " or another that is loaded, found ", wanted)),
        "MODEL_NOT_FOUND", {{"model", target}});
  }
  return Snapshot(target, wanted);
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
      if (std::shared_ptr<ServedModel> served = one.served.lock()) {
        live.push_back(std::move(served));
      }
    }
  }
  return live;
}

ModelSnapshot ModelCatalog::Snapshot(const std::string& name, int64_t version) const {
  const Name& entry = names_.at(name);
  const Version& one = entry.versions.at(version);
  ModelSnapshot snapshot;
  snapshot.name = name;
  snapshot.directory = one.directory;
  snapshot.version = version;
  snapshot.state = one.state;
  snapshot.reason = one.reason;
  snapshot.facts = one.facts;
  snapshot.load_time = one.load_time;
  snapshot.current = entry.current == version;
  for (const auto& [alias, target] : aliases_) {
    if (target.name == name && Target(target) == version) snapshot.aliases.push_back(alias);
  }
  snapshot.served = one.served;
  if (const std::shared_ptr<ServedModel> served = one.served.lock()) {
    snapshot.requests_in_flight = served->requests_in_flight.load(std::memory_order_relaxed);
    snapshot.last_used = served->last_use();
  }
  return snapshot;
}

ModelChange ModelCatalog::Change(const std::string& name, int64_t version,
                                 ModelChangeType type) const {
  const Name& entry = names_.at(name);
  ModelChange change;
  change.type = type;
  change.model = Snapshot(name, version);
  change.name_serves =
      entry.current != 0 && entry.versions.at(entry.current).state == ModelState::kActive;
  change.aliases.reserve(aliases_.size());
  for (const auto& [alias, target] : aliases_) {
    const Version* const one = FindVersion(target.name, Target(target));
    change.aliases.push_back({alias, one != nullptr && one->state == ModelState::kActive});
  }
  return change;
}

}  // namespace firstlight
