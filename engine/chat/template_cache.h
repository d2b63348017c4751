#ifndef FIRSTLIGHT_ENGINE_CHAT_TEMPLATE_CACHE_H_
#define FIRSTLIGHT_ENGINE_CHAT_TEMPLATE_CACHE_H_

// The compiled templates of a process, each kept once for as long as a model has it: most models of
// a family share theirs to the byte.
//
// Thread-safe. Keeps no template alive; templates may outlive it.

#include <map>
#include <memory>

#include "absl/status/statusor.h"
#include "engine/chat/chat_template.h"
#include "engine/chat/template_files.h"
#include "loader/base/blake2b.h"
#include "loader/base/mutex.h"

namespace firstlight {

class ChatTemplateCache {
 public:
  // Errors as ChatTemplate::Compile. Blocks for some milliseconds where it compiles; two threads
  // may compile the same text, and then share the one of them that was first.
  absl::StatusOr<std::shared_ptr<const ChatTemplate>> Open(const ChatTemplateSource& source);

 private:
  Mutex mutex_;
  // By what they were compiled from, the name that errors call it included.
  std::map<Blake2b::Digest, std::weak_ptr<const ChatTemplate>> templates_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_CHAT_TEMPLATE_CACHE_H_
