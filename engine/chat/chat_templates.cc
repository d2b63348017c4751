#include "engine/chat/chat_templates.h"

#include <algorithm>

#include "absl/strings/str_join.h"
#include "engine/chat/template_files.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

constexpr std::string_view kDefaultName = "default";
constexpr std::string_view kToolUseName = "tool_use";

absl::Status Unusable(const absl::Status& status) {
  return absl::FailedPreconditionError(
      StrCat("the model has no usable chat template: ", status.message()));
}

}  // namespace

absl::StatusOr<std::shared_ptr<const ChatTemplates>> ChatTemplates::Open(
    const std::string& directory, ChatTemplateCache* cache) {
  absl::StatusOr<ChatTemplateFiles> files = ReadChatTemplateFiles(directory);
  if (!files.ok()) return Unusable(files.status());
  std::shared_ptr<ChatTemplates> templates(new ChatTemplates());
  templates->special_tokens_ = std::move(files->special_tokens);
  for (ChatTemplateSource& source : files->templates) {
    Entry entry{.name = std::move(source.name),
                .source = {},
                .format = &FindChatFormat(source.text),
                .compiled = cache->Open(source)};
    entry.source = std::move(source.text);
    templates->entries_.push_back(std::move(entry));
  }
  const std::vector<Entry>& entries = templates->entries_;
  if (std::none_of(entries.begin(), entries.end(),
                   [](const Entry& entry) { return entry.compiled.ok(); })) {
    return Unusable(entries.front().compiled.status());
  }
  return templates;
}

const ChatTemplates::Entry* ChatTemplates::Find(std::string_view name) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& entry) { return entry.name == name; });
  return found != entries_.end() ? &*found : nullptr;
}

std::string ChatTemplates::Names() const {
  return absl::StrJoin(entries_, ", ", [](std::string* text, const Entry& entry) {
    text->append(Quoted(entry.name));
  });
}

absl::StatusOr<const ChatTemplates::Entry*> ChatTemplates::Select(std::string_view name,
                                                                  bool has_tools) const {
  const Entry* entry = nullptr;
  if (!name.empty()) {
    entry = Find(name);
    if (entry == nullptr) {
      return absl::InvalidArgumentError(StrCat("template_name: expected one of the model's (",
                                               Names(), "), found ", Quoted(name)));
    }
  } else {
    if (has_tools) entry = Find(kToolUseName);
    if (entry == nullptr) entry = Find(kDefaultName);
    if (entry == nullptr) {
      return absl::FailedPreconditionError(
          StrCat("the model has several chat templates (", Names(),
                 ") and none is its default: template_name must name one"));
    }
  }
  if (!entry->compiled.ok()) return Unusable(entry->compiled.status());
  return entry;
}

}  // namespace firstlight
