#include "engine/scheduling/scheduler.h"

#include <algorithm>
#include <utility>

#include "loader/base/status_macros.h"

namespace firstlight {

Scheduler::Scheduler(Options options) : options_(std::move(options)) {
  scratches_.assign(options_.workers->threads(), SamplerScratch(options_.exp));
}

Scheduler::~Scheduler() = default;

void Scheduler::Add(std::unique_ptr<Request> request) {
  const RequestId id = request->id;
  requests_.emplace(id, std::move(request));
}

Request* Scheduler::Find(RequestId id) {
  const auto found = requests_.find(id);
  return found != requests_.end() ? found->second.get() : nullptr;
}

void Scheduler::SetPrompt(RequestId id, absl::StatusOr<TokenizedPrompt> prompt) {
  Request* const request = Find(id);
  if (request == nullptr) {
    return;
  }
  const absl::Status status =
      prompt.ok() ? Prepare(request, *std::move(prompt)) : std::move(prompt).status();
  if (!status.ok()) {
    End(request, status);
    DropEnded();
    return;
  }
  Start(request, static_cast<int64_t>(request->prompt.ids.size()));
  for (int64_t index = 0; index < request->options.num_sequences; ++index) {
    request->sequences.push_back(std::make_unique<Sequence>(request, index));
    Sequence* const sequence = request->sequences.back().get();
    if (std::optional<DeltaEvent> echo = sequence->Echo(); echo.has_value()) {
      request->observer->OnDelta(*std::move(echo));
    }
    if (index == 0) {
      waiting_.insert(sequence);
    } else {
      sequence->state = Sequence::State::kAwaitingPrompt;
    }
  }
  // A prompt that fills the context may still be described.
  if (request->resolved.max_tokens == 0 && !request->options.output.prompt_logprobs) {
    FinishAll(request, request->resolved.at_max_tokens, options_.clock->Now());
    DropEnded();
  }
}

absl::Status Scheduler::Prepare(Request* request, TokenizedPrompt prompt) {
  const Model& model = *request->model;
  const ModelLimits limits = {.vocab_size = model.spec().vocab_size,
                              .context_length = model.context_length(),
                              .cache_positions = model.cache().MaxPositions(options_.step_tokens)};
  FIRSTLIGHT_RETURN_IF_ERROR(CheckPrompt(prompt.ids, request->options, limits));
  const int64_t prompt_tokens = static_cast<int64_t>(prompt.ids.size());
  FIRSTLIGHT_ASSIGN_OR_RETURN(request->resolved,
                              ResolveOptions(request->options, prompt_tokens, limits,
                                             model.generation_config(), options_.default_max_tokens,
                                             request->drawn_seed, std::move(prompt.bad_words)));
  request->rope = ComputeRopeFrequencies(model.spec(), prompt_tokens);
  request->prompt = std::move(prompt);
  return absl::OkStatus();
}

void Scheduler::Start(Request* request, int64_t prompt_tokens) {
  request->started = true;
  request->observer->OnStarted(
      {.seed = request->options.sampling.seed.value_or(request->drawn_seed),
       .prompt_tokens = prompt_tokens});
}

void Scheduler::Resume(RequestId id) {
  if (Request* const request = Find(id); request != nullptr) {
    request->ask_for_room = true;
  }
}

void Scheduler::Cancel(RequestId id, const absl::Status& status) {
  if (Request* const request = Find(id); request != nullptr) {
    End(request, status);
    DropEnded();
  }
}

void Scheduler::EndRequests(const Model* model, FinishReason reason) {
  const absl::Time now = options_.clock->Now();
  for (auto& [id, request] : requests_) {
    if (request->model.get() == model) {
      FinishAll(request.get(), reason, now);
    }
  }
  DropEnded();
}

void Scheduler::FailRequests(const Model* model, const absl::Status& status) {
  for (auto& [id, request] : requests_) {
    if (request->model.get() == model) {
      End(request.get(), status);
    }
  }
  DropEnded();
}

void Scheduler::EndAll(const absl::Status& status) {
  for (auto& [id, request] : requests_) {
    End(request.get(), status);
  }
  lanes_.clear();
  DropEnded();
}

void Scheduler::EndExpired(absl::Time now) {
  for (auto& [id, request] : requests_) {
    if (now >= request->options.deadline) {
      End(request.get(), absl::DeadlineExceededError("the request's deadline has passed"));
    } else if (now >= request->time_limit_end()) {
      FinishAll(request.get(), FinishReason::kTimeLimit, now);
    }
  }
  DropEnded();
}

absl::Time Scheduler::NextDeadline() const {
  absl::Time next = absl::InfiniteFuture();
  for (const auto& [id, request] : requests_) {
    next = std::min({next, request->options.deadline, request->time_limit_end()});
  }
  return next;
}

void Scheduler::FinishAll(Request* request, FinishReason reason, absl::Time now) {
  if (!request->started) {
    Start(request, /*prompt_tokens=*/0);
  }
  if (request->sequences.empty()) {
    for (int64_t index = 0; index < request->options.num_sequences; ++index) {
      FinishedEvent finished;
      finished.index = index;
      finished.reason = reason;
      finished.timings.total = now - request->arrival;
      request->observer->OnFinished(std::move(finished));
    }
  }
  for (const std::unique_ptr<Sequence>& sequence : request->sequences) {
    if (sequence->state != Sequence::State::kFinished) {
      Deliver(sequence.get(), sequence->Finish(reason, now));
    }
  }
  if (!request->ended) {
    End(request, absl::OkStatus());
  }
}

// The pass's own check was before its text was made, which a damaged tokenizer makes worthless.
bool Scheduler::TextIsSound(Request* request) {
  const absl::Status status = request->model->integrity()->CheckTokenizerImage();
  if (status.ok()) return true;
  if (options_.on_damage) options_.on_damage(*request->model, status);
  End(request, status);  // the model's others end with its next pass
  return false;
}

void Scheduler::Deliver(Sequence* sequence, Sequence::Outcome outcome) {
  if (!TextIsSound(Find(sequence->age().request))) return;
  GenerationObserver& observer = *sequence->request().observer;
  if (outcome.has_delta) {
    outcome.delta.waited_for_weights = std::exchange(sequence->waited_for_weights, false);
    observer.OnDelta(std::move(outcome.delta));
  }
  if (outcome.finished.has_value()) {
    Leave(sequence);
    observer.OnFinished(*std::move(outcome.finished));
  }
}

void Scheduler::Leave(Sequence* sequence) {
  if (sequence->state == Sequence::State::kFinished) {
    return;
  }
  sequence->state = Sequence::State::kFinished;
  waiting_.erase(sequence);
  running_.erase(sequence);
  if (!sequence->in_pass) {
    sequence->ReleaseBlocks();
  }
  options_.on_ended(sequence->request(), 1);
}

void Scheduler::End(Request* request, const absl::Status& status) {
  if (request->ended) {
    return;
  }
  request->ended = true;
  for (const std::unique_ptr<Sequence>& sequence : request->sequences) {
    Leave(sequence.get());
  }
  if (request->sequences.empty()) {
    options_.on_ended(*request, request->options.num_sequences);
  }
  request->observer->OnDone(status);
}

void Scheduler::DropEnded() {
  for (auto it = requests_.begin(); it != requests_.end();) {
    if (it->second->ended) {
      ended_.push_back(std::move(it->second));
      it = requests_.erase(it);
    } else {
      ++it;
    }
  }
  // A pass that nobody waits for is dropped here, which frees what its sequences still hold.
  std::erase_if(lanes_,
                [](const Lane& lane) { return lane.pass != nullptr && lane.pass->abandoned(); });
  std::erase_if(ended_, [this](const std::unique_ptr<Request>& request) {
    const bool in_pass = std::any_of(request->sequences.begin(), request->sequences.end(),
                                     [](const auto& sequence) { return sequence->in_pass; });
    if (!in_pass && !IsServed(request->model.get())) {
      request->model->decoder()->ReleaseActivations();
      if (options_.gate != nullptr) {
        options_.gate->Idle(*request->model);
      }
    }
    return !in_pass;
  });
}

// Whether a request of `model` has not ended, or has and its pass has not.
bool Scheduler::IsServed(const Model* model) const {
  return std::any_of(requests_.begin(), requests_.end(),
                     [model](const auto& entry) { return entry.second->model.get() == model; }) ||
         std::any_of(lanes_.begin(), lanes_.end(), [model](const Lane& lane) {
           return lane.model == model && lane.pass != nullptr;
         });
}

std::map<const Model*, int64_t> Scheduler::CountRunning() const {
  std::map<const Model*, int64_t> counts;
  for (const Sequence* const sequence : running_) {
    ++counts[sequence->request().model.get()];
  }
  return counts;
}

}  // namespace firstlight
