#include "engine/chat/template_cache.h"

#include <utility>

#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {

absl::StatusOr<std::shared_ptr<const ChatTemplate>> ChatTemplateCache::Open(
    const ChatTemplateSource& source) {
  Blake2b hash;
  hash.Update(StrCat(source.file.size(), " ", source.file, " "));
  hash.Update(source.text);
  const Blake2b::Digest key = hash.Finish();
  {
    MutexLock lock(&mutex_);
    if (const auto found = templates_.find(key); found != templates_.end()) {
      if (std::shared_ptr<const ChatTemplate> kept = found->second.lock()) return kept;
    }
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(std::shared_ptr<const ChatTemplate> compiled,
                              ChatTemplate::Compile(source.text, source.file));
  MutexLock lock(&mutex_);
  std::weak_ptr<const ChatTemplate>& entry = templates_[key];
  if (std::shared_ptr<const ChatTemplate> kept = entry.lock()) return kept;
  entry = compiled;
  std::erase_if(templates_, [](const auto& other) { return other.second.expired(); });
  return compiled;
}

}  // namespace firstlight
