#ifndef FIRSTLIGHT_TESTS_ENGINE_RECORDING_OBSERVER_H_
#define FIRSTLIGHT_TESTS_ENGINE_RECORDING_OBSERVER_H_

// Keeps the events of one request and checks their order as they come.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "engine/generation.h"
#include "loader/base/mutex.h"

namespace firstlight {

// Everything may be asked from any thread at any time; the answers are copies.
class RecordingObserver final : public GenerationObserver {
 public:
  struct Answer {
    std::string text;
    std::vector<int32_t> ids;
    std::vector<GeneratedToken> tokens;
    std::vector<bool> waited_for_weights;  // by token: what its delta says
    std::optional<FinishedEvent> finished;
  };

  void OnStarted(StartedEvent event) override;
  void OnPrompt(PromptEvent event) override;
  void OnFirstToken(const FirstTokenEvent& event) override;
  void OnDelta(DeltaEvent event) override;
  void OnFinished(FinishedEvent event) override;
  void OnDone(absl::Status status) override;
  bool HasRoom() const override;

  void SetHasRoom(bool has_room);
  // A reader that stops after so many tokens: HasRoom is false from then on.
  void LimitTokens(int64_t limit);

  std::optional<StartedEvent> started() const;
  std::vector<GeneratedToken> prompt() const;
  std::optional<FirstTokenEvent> first_token() const;
  Answer answer(int64_t index = 0) const;
  int64_t tokens() const;  // of all sequences
  std::optional<absl::Status> status() const;
  // Events that came in the wrong order, in words; empty for none.
  std::string disorder() const;

  // Block until then.
  absl::Status AwaitDone() const;
  void AwaitTokens(int64_t count) const;

 private:
  void Check(bool in_order, const char* event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  mutable CondVar changed_;
  std::optional<StartedEvent> started_ ABSL_GUARDED_BY(mutex_);
  std::vector<GeneratedToken> prompt_ ABSL_GUARDED_BY(mutex_);
  std::optional<FirstTokenEvent> first_token_ ABSL_GUARDED_BY(mutex_);
  std::map<int64_t, Answer> answers_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::Status> status_ ABSL_GUARDED_BY(mutex_);
  std::string disorder_ ABSL_GUARDED_BY(mutex_);
  int64_t tokens_ ABSL_GUARDED_BY(mutex_) = 0;
  std::optional<int64_t> token_limit_ ABSL_GUARDED_BY(mutex_);
  bool has_room_ ABSL_GUARDED_BY(mutex_) = true;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_TESTS_ENGINE_RECORDING_OBSERVER_H_
