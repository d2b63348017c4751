#include "engine/scheduling/tokenizing_queue.h"

#include <atomic>
#include <deque>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "engine/chat/encode_prompt.h"
#include "loader/base/mutex.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

struct PendingJob {
  TokenizingQueue::Job job;
  std::atomic<bool> cancelled{false};
};

// The model's tokenizer, once it is settled; nullptr for a model without one whose job can do
// without.
absl::StatusOr<const Tokenizer*> SettledTokenizer(const TokenizingQueue::Job& job) {
  absl::StatusOr<const Tokenizer*> tokenizer = job.model->AwaitTokenizer(absl::InfinitePast());
  const bool is_absent = !tokenizer.ok() && job.model->BuildTokenizer().ok();
  const bool can_do_without =
      std::holds_alternative<std::vector<int32_t>>(job.input) && !job.needs_text;
  if (is_absent && can_do_without) {
    return nullptr;
  }
  return tokenizer;
}

// As transformers has them made: alone, without special tokens, and with a space before as in the
// middle of a sentence (`add_prefix_space`), as vLLM bans them both ways.
absl::Status TokenizeBadWords(const TokenizingQueue::Job& job,
                              const std::function<bool()>& cancelled, TokenizedPrompt* prompt) {
  for (const std::string& word : job.bad_words) {
    for (const bool spaced : {false, true}) {
      if (spaced && word.front() == ' ') continue;
      const std::string text = spaced ? StrCat(" ", word) : word;
      FIRSTLIGHT_ASSIGN_OR_RETURN(
          std::vector<int32_t> ids,
          prompt->tokenizer->Encode(text, {.add_special_tokens = false, .cancelled = cancelled}));
      if (!ids.empty()) prompt->bad_words.push_back(std::move(ids));
    }
  }
  return absl::OkStatus();
}

// Whether there is text to be made ids of, or the other way round.
bool HasText(const TokenizingQueue::Job& job) {
  return std::holds_alternative<std::string>(job.input) || job.keep_text || !job.bad_words.empty();
}

absl::StatusOr<TokenizedPrompt> Tokenize(TokenizingQueue::Job& job,
                                         const std::function<bool()>& cancelled) {
  TokenizedPrompt prompt;
  FIRSTLIGHT_ASSIGN_OR_RETURN(prompt.tokenizer, SettledTokenizer(job));
  FIRSTLIGHT_RETURN_IF_ERROR(TokenizeBadWords(job, cancelled, &prompt));
  if (auto* ids = std::get_if<std::vector<int32_t>>(&job.input); ids != nullptr) {
    prompt.ids = std::move(*ids);
    if (job.keep_text) {
      prompt.text = Decode(*prompt.tokenizer, prompt.ids);
    }
    return prompt;
  }
  std::string& text = std::get<std::string>(job.input);
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      prompt.ids,
      EncodePrompt(*prompt.tokenizer, text, job.data_bytes,
                   {.add_special_tokens = job.add_special_tokens, .cancelled = cancelled}));
  if (job.keep_text) {
    prompt.text = std::move(text);
  }
  return prompt;
}

}  // namespace

struct TokenizingQueue::State {
  State(const Clock* clock_, Done done_) : clock(clock_), done(std::move(done_)) {}

  // The tokenizer of this job's model is settled.
  void MakeReady(RequestId id) {
    std::shared_ptr<PendingJob> pending;
    {
      MutexLock lock(&mutex);
      const auto found = jobs.find(id);
      if (found == jobs.end() || stopping) {
        return;
      }
      pending = found->second;
      if (HasText(pending->job)) {
        ready.push_back(id);
        changed.Signal();
        return;
      }
      jobs.erase(found);
      ++calls;
    }
    Run(*pending);
  }

  void Run(PendingJob& pending) {
    const auto cancelled = [this, &pending] {
      return pending.cancelled.load(std::memory_order_relaxed) ||
             clock->Now() >= pending.job.deadline;
    };
    const bool has_text = HasText(pending.job);
    absl::StatusOr<TokenizedPrompt> prompt = Tokenize(pending.job, cancelled);
    // What a damaged tokenizer image made is worth nothing, an error included.
    if (has_text) {
      if (const absl::Status damage = pending.job.model->integrity()->Check(); !damage.ok()) {
        prompt = damage;
      }
    }
    if (absl::IsCancelled(prompt.status())) {
      prompt = absl::DeadlineExceededError("the request's deadline passed while it was tokenized");
    }
    if (!pending.cancelled.load(std::memory_order_relaxed)) {
      done(pending.job.id, std::move(prompt));
    }
    MutexLock lock(&mutex);
    --calls;
    changed.SignalAll();
  }

  void ThreadMain() {
    while (true) {
      std::shared_ptr<PendingJob> pending;
      {
        MutexLock lock(&mutex);
        while (ready.empty() && !stopping) {
          changed.Wait(&mutex);
        }
        if (stopping) {
          return;
        }
        const auto found = jobs.find(ready.front());
        ready.pop_front();
        if (found == jobs.end()) {
          continue;
        }
        pending = found->second;
        ++calls;
      }
      Run(*pending);
      MutexLock lock(&mutex);
      jobs.erase(pending->job.id);
    }
  }

  const Clock* const clock;
  const Done done;
  Mutex mutex;
  CondVar changed;
  absl::flat_hash_map<RequestId, std::shared_ptr<PendingJob>> jobs ABSL_GUARDED_BY(mutex);
  std::deque<RequestId> ready ABSL_GUARDED_BY(mutex);
  int64_t calls ABSL_GUARDED_BY(mutex) = 0;  // of Run, under way
  bool stopping ABSL_GUARDED_BY(mutex) = false;
};

TokenizingQueue::TokenizingQueue(int threads, const Clock* clock, Done done)
    : state_(std::make_shared<State>(clock, std::move(done))) {
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([state = state_.get()] { state->ThreadMain(); });
  }
}

TokenizingQueue::~TokenizingQueue() {
  {
    MutexLock lock(&state_->mutex);
    state_->stopping = true;
    for (auto& [id, pending] : state_->jobs) {
      pending->cancelled.store(true, std::memory_order_relaxed);
    }
    state_->changed.SignalAll();
  }
  for (std::thread& thread : threads_) {
    thread.join();
  }
  // A thread that settles a tokenizer may be inside `done` right now.
  MutexLock lock(&state_->mutex);
  while (state_->calls > 0) {
    state_->changed.Wait(&state_->mutex);
  }
}

void TokenizingQueue::Add(Job job) {
  const RequestId id = job.id;
  const std::shared_ptr<Model> model = job.model;
  auto pending = std::make_shared<PendingJob>();
  pending->job = std::move(job);
  {
    MutexLock lock(&state_->mutex);
    state_->jobs.emplace(id, std::move(pending));
  }
  model->WhenTokenizerSettled([weak = std::weak_ptr<State>(state_), id] {
    if (const std::shared_ptr<State> state = weak.lock(); state != nullptr) {
      state->MakeReady(id);
    }
  });
}

void TokenizingQueue::Cancel(RequestId id) {
  std::shared_ptr<PendingJob> cancelled;  // destroyed after the lock
  MutexLock lock(&state_->mutex);
  const auto found = state_->jobs.find(id);
  if (found == state_->jobs.end()) {
    return;
  }
  cancelled = std::move(found->second);
  cancelled->cancelled.store(true, std::memory_order_relaxed);
  state_->jobs.erase(found);
}

}  // namespace firstlight
