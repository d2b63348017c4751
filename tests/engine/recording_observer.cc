#include "tests/engine/recording_observer.h"

#include <utility>

namespace firstlight {

void RecordingObserver::Check(bool in_order, const char* event) {
  if (!in_order) {
    disorder_ += std::string(event) + "; ";
  }
}

void RecordingObserver::OnStarted(StartedEvent event) {
  MutexLock lock(&mutex_);
  Check(!started_.has_value() && !status_.has_value(), "OnStarted not first");
  started_ = event;
}

void RecordingObserver::OnPrompt(PromptEvent event) {
  MutexLock lock(&mutex_);
  Check(started_.has_value() && !first_token_.has_value() && !status_.has_value() &&
            !event.tokens.empty(),
        "OnPrompt");
  prompt_.insert(prompt_.end(), event.tokens.begin(), event.tokens.end());
}

std::vector<GeneratedToken> RecordingObserver::prompt() const {
  MutexLock lock(&mutex_);
  return prompt_;
}

void RecordingObserver::OnFirstToken(const FirstTokenEvent& event) {
  MutexLock lock(&mutex_);
  Check(started_.has_value() && !first_token_.has_value() && !status_.has_value(),
        "OnFirstToken out of place");
  first_token_ = event;
}

void RecordingObserver::OnDelta(DeltaEvent event) {
  MutexLock lock(&mutex_);
  Answer& answer = answers_[event.index];
  Check(started_.has_value() && !answer.finished.has_value() && !status_.has_value(),
        "OnDelta out of place");
  Check(!event.text.empty() || !event.tokens.empty(), "empty delta");
  answer.text += event.text;
  for (GeneratedToken& token : event.tokens) {
    answer.ids.push_back(token.id);
    answer.waited_for_weights.push_back(event.waited_for_weights);
    answer.tokens.push_back(std::move(token));
    ++tokens_;
  }
  changed_.SignalAll();
}

void RecordingObserver::OnFinished(FinishedEvent event) {
  MutexLock lock(&mutex_);
  Answer& answer = answers_[event.index];
  Check(started_.has_value() && !answer.finished.has_value() && !status_.has_value(),
        "OnFinished out of place");
  answer.finished = std::move(event);
}

void RecordingObserver::OnDone(absl::Status status) {
  MutexLock lock(&mutex_);
  Check(!status_.has_value(), "OnDone twice");
  status_ = std::move(status);
  changed_.SignalAll();
}

bool RecordingObserver::HasRoom() const {
  MutexLock lock(&mutex_);
  return has_room_ && (!token_limit_.has_value() || tokens_ < *token_limit_);
}

void RecordingObserver::SetHasRoom(bool has_room) {
  MutexLock lock(&mutex_);
  has_room_ = has_room;
  token_limit_.reset();
}

void RecordingObserver::LimitTokens(int64_t limit) {
  MutexLock lock(&mutex_);
  token_limit_ = limit;
}

std::optional<FirstTokenEvent> RecordingObserver::first_token() const {
  MutexLock lock(&mutex_);
  return first_token_;
}

std::optional<StartedEvent> RecordingObserver::started() const {
  MutexLock lock(&mutex_);
  return started_;
}

RecordingObserver::Answer RecordingObserver::answer(int64_t index) const {
  MutexLock lock(&mutex_);
  const auto found = answers_.find(index);
  return found != answers_.end() ? found->second : Answer();
}

int64_t RecordingObserver::tokens() const {
  MutexLock lock(&mutex_);
  return tokens_;
}

std::optional<absl::Status> RecordingObserver::status() const {
  MutexLock lock(&mutex_);
  return status_;
}

std::string RecordingObserver::disorder() const {
  MutexLock lock(&mutex_);
  return disorder_;
}

absl::Status RecordingObserver::AwaitDone() const {
  MutexLock lock(&mutex_);
  while (!status_.has_value()) {
    changed_.Wait(&mutex_);
  }
  return *status_;
}

void RecordingObserver::AwaitTokens(int64_t count) const {
  MutexLock lock(&mutex_);
  while (tokens_ < count && !status_.has_value()) {
    changed_.Wait(&mutex_);
  }
}

}  // namespace firstlight
