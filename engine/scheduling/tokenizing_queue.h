#ifndef FIRSTLIGHT_ENGINE_SCHEDULING_TOKENIZING_QUEUE_H_
#define FIRSTLIGHT_ENGINE_SCHEDULING_TOKENIZING_QUEUE_H_

// Turns prompts into token ids on threads of its own, oldest first.
//
// A job whose model's tokenizer is still being built is set aside until it is settled, and holds up
// no other model's jobs. Token ids whose text is not asked for need no thread: they are passed on
// as soon as the tokenizer (for the answer's text) is settled. Jobs end early when they are
// cancelled or past their deadline.
//
// Threads: any may call Add and Cancel, which never block. `done` is called on a thread of the
// queue, on one that settles a tokenizer, or inside Add.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/model.h"
#include "engine/scheduling/clock.h"
#include "engine/scheduling/request.h"

namespace firstlight {

class TokenizingQueue {
 public:
  struct Job {
    RequestId id = 0;
    std::shared_ptr<Model> model;
    std::variant<std::string, std::vector<int32_t>> input;
    bool add_special_tokens = true;
    std::vector<ByteInterval> data_bytes = {};  // as in GenerationRequest
    std::vector<std::string> bad_words = {};    // for TokenizedPrompt::bad_words
    bool keep_text = false;                     // fill TokenizedPrompt::text
    bool needs_text = false;  // fails without a tokenizer, also when the input is ids
    absl::Time deadline = absl::InfiniteFuture();
  };

  using Done = std::function<void(RequestId, absl::StatusOr<TokenizedPrompt>)>;

  // `clock` outlives the queue; `done` must not block.
  TokenizingQueue(int threads, const Clock* clock, Done done);
  // Jobs under way are cancelled; `done` may still be called until this returns, not after.
  ~TokenizingQueue();

  void Add(Job job);
  // `done` may or may not be called for it.
  void Cancel(RequestId id);

 private:
  struct State;

  const std::shared_ptr<State> state_;
  std::vector<std::thread> threads_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_SCHEDULING_TOKENIZING_QUEUE_H_
