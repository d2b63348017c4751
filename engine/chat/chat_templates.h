#ifndef FIRSTLIGHT_ENGINE_CHAT_CHAT_TEMPLATES_H_
#define FIRSTLIGHT_ENGINE_CHAT_CHAT_TEMPLATES_H_

// The chat templates of a checkpoint, compiled, and which of them a request means.
//
// Immutable once opened: any thread may use it.

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/chat/chat_template.h"
#include "engine/chat/formats/formats.h"
#include "engine/chat/template_cache.h"

namespace firstlight {

class ChatTemplates {
 public:
  struct Entry {
    std::string name;
    std::string source;
    // What its conversations are written in.
    const ChatFormat* format = nullptr;
    absl::StatusOr<std::shared_ptr<const ChatTemplate>> compiled;
  };

  // Of the checkpoint in `directory`, compiled by way of `cache`. Blocks for some milliseconds.
  // FAILED_PRECONDITION saying why there is none that can be used; when some can, the others fail
  // when they are selected.
  static absl::StatusOr<std::shared_ptr<const ChatTemplates>> Open(const std::string& directory,
                                                                   ChatTemplateCache* cache);

  // The template `name`; without a name, as transformers chooses: "tool_use" for conversations with
  // tools where there is one, else "default". INVALID_ARGUMENT for a name that is not there,
  // FAILED_PRECONDITION for a template that did not compile, and where none is the default.
  absl::StatusOr<const Entry*> Select(std::string_view name, bool has_tools) const;

  const std::vector<Entry>& entries() const { return entries_; }
  const std::vector<std::pair<std::string, std::string>>& special_tokens() const {
    return special_tokens_;
  }

 private:
  ChatTemplates() = default;

  const Entry* Find(std::string_view name) const;
  std::string Names() const;

  std::vector<Entry> entries_;  // by name
  std::vector<std::pair<std::string, std::string>> special_tokens_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_CHAT_CHAT_TEMPLATES_H_
