#ifndef FIRSTLIGHT_ENGINE_CHAT_JINJA_SYMBOLS_H_
#define FIRSTLIGHT_ENGINE_CHAT_JINJA_SYMBOLS_H_

// Which variable a name means. jinja2 decides that before it runs a template, and not always as one
// would expect (a name that is set anywhere in a scope is that scope's everywhere in it), so this
// follows its idtracking.py rule by rule.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/chat/jinja/syntax.h"

namespace firstlight::jinja {

// The names of one scope.
class Symbols {
 public:
  // `parent` (null for none) outlives this. `budget` bounds the work of all copies of a template.
  Symbols(const Symbols* parent, int64_t* budget);

  // As they are at the start of a branch.
  Symbols Copy() const;
  // What is known after an if whose branches ended with these.
  void Merge(const std::vector<const Symbols*>& branches);

  void Load(const std::string& name);
  void Store(const std::string& name);
  int DeclareParameter(const std::string& name);
  // A slot without a name.
  int AddSlot();

  // The variable that `name` means here, if any scope knows it.
  std::optional<VariablePlace> Find(std::string_view name) const;
  // The names that are set here and around, with their variables.
  std::vector<std::pair<std::string, VariablePlace>> Stored() const;

  // REQUIRES: all names of the scope have been seen.
  ScopeLayout Layout() const;

 private:
  // Shared by all copies: a name has one slot in a scope.
  struct Slots {
    std::map<std::string, int, std::less<>> by_name{};
    int count = 0;
  };

  int Define(const std::string& name, std::optional<SlotLoad> load);

  const Symbols* parent_;
  int64_t* budget_;
  std::shared_ptr<Slots> slots_;
  std::map<std::string, int, std::less<>> references_;
  std::map<int, SlotLoad> loads_;
  std::set<std::string, std::less<>> stores_;
};

}  // namespace firstlight::jinja

#endif  // FIRSTLIGHT_ENGINE_CHAT_JINJA_SYMBOLS_H_
