#include "engine/chat/jinja/symbols.h"

#include "engine/chat/jinja/template_error.h"

namespace firstlight::jinja {

Symbols::Symbols(const Symbols* parent, int64_t* budget)
    : parent_(parent), budget_(budget), slots_(std::make_shared<Slots>()) {}

Symbols Symbols::Copy() const {
  *budget_ -= static_cast<int64_t>(references_.size() + loads_.size() + stores_.size()) + 1;
  if (*budget_ < 0) {
    throw TemplateError::Limit("the template has too many variables in too many branches");
  }
  return *this;
}

int Symbols::AddSlot() { return slots_->count++; }

int Symbols::Define(const std::string& name, std::optional<SlotLoad> load) {
  const auto [entry, inserted] = slots_->by_name.emplace(name, slots_->count);
  if (inserted) ++slots_->count;
  const int slot = entry->second;
  references_[name] = slot;
  if (load.has_value()) {
    load->slot = slot;
    loads_[slot] = *std::move(load);
  }
  return slot;
}

void Symbols::Load(const std::string& name) {
  if (Find(name).has_value()) return;
  Define(name, SlotLoad{.action = SlotLoad::Action::kResolve, .name = name});
}

void Symbols::Store(const std::string& name) {
  stores_.insert(name);
  if (references_.contains(name)) return;
  if (parent_ != nullptr) {
    if (std::optional<VariablePlace> outer = parent_->Find(name)) {
      ++outer->hops;
      Define(name, SlotLoad{.action = SlotLoad::Action::kAlias, .place = *outer});
      return;
    }
  }
  Define(name, SlotLoad{.action = SlotLoad::Action::kUndefined});
}

int Symbols::DeclareParameter(const std::string& name) {
  stores_.insert(name);
  return Define(name, SlotLoad{.action = SlotLoad::Action::kParameter});
}

std::optional<VariablePlace> Symbols::Find(std::string_view name) const {
  int hops = 0;
  for (const Symbols* scope = this; scope != nullptr; scope = scope->parent_) {
    const auto found = scope->references_.find(name);
    if (found != scope->references_.end()) return VariablePlace{hops, found->second};
    ++hops;
  }
  return std::nullopt;
}

void Symbols::Merge(const std::vector<const Symbols*>& branches) {
  std::set<std::string, std::less<>> stores;
  for (const Symbols* branch : branches) {
    for (const std::string& name : branch->stores_) {
      if (!stores_.contains(name)) stores.insert(name);
    }
  }
  for (const Symbols* branch : branches) {
    for (const auto& [name, slot] : branch->references_) references_[name] = slot;
    for (const auto& [slot, load] : branch->loads_) loads_[slot] = load;
    stores_.insert(branch->stores_.begin(), branch->stores_.end());
  }
  for (const std::string& name : stores) {
    const int slot = references_.at(name);
    std::optional<VariablePlace> outer;
    if (parent_ != nullptr) outer = parent_->Find(name);
    if (outer.has_value()) {
      ++outer->hops;
      loads_[slot] = {.slot = slot, .action = SlotLoad::Action::kAlias, .place = *outer};
    } else {
      loads_[slot] = {.slot = slot, .action = SlotLoad::Action::kResolve, .name = name};
    }
  }
}

std::vector<std::pair<std::string, VariablePlace>> Symbols::Stored() const {
  std::map<std::string, VariablePlace> stored;
  for (const Symbols* scope = this; scope != nullptr; scope = scope->parent_) {
    for (const std::string& name : scope->stores_) {
      if (const std::optional<VariablePlace> place = Find(name)) stored.emplace(name, *place);
    }
  }
  return {stored.begin(), stored.end()};
}

ScopeLayout Symbols::Layout() const {
  ScopeLayout layout;
  layout.slots = slots_->count;
  for (const auto& [slot, load] : loads_) {
    if (load.action != SlotLoad::Action::kParameter) layout.loads.push_back(load);
  }
  return layout;
}

}  // namespace firstlight::jinja
