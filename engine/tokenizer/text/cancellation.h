#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_TEXT_CANCELLATION_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_TEXT_CANCELLATION_H_

// Asks now and then during a long computation, without paying for the question at each step,
// whether it should stop: because it has been cancelled, or because it has taken more processor
// time than its input can be worth. Belongs to one computation on one thread.

#include <cstddef>
#include <functional>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace firstlight {

// What the encoding of a text of `bytes` bytes may take, in time of the thread's processor: linear
// in the text, whatever the tokenizer's patterns make of it. Published tokenizers need 0.01 to 0.5
// microseconds a byte.
absl::Duration WorkLimit(size_t bytes);

class EncodeCancellation {
 public:
  // `cancelled` may be empty (never cancelled) and must outlive this. The limit counts from here
  // on.
  explicit EncodeCancellation(const std::function<bool()>& cancelled,
                              absl::Duration work_limit = absl::InfiniteDuration());

  // Counts `work` steps, each some ten nanoseconds: about a character of text. CANCELLED once the
  // caller no longer wants the result, RESOURCE_EXHAUSTED once the limit is exceeded.
  absl::Status Check(size_t work) {
    steps_ += work;
    if (steps_ >= kStepsBetweenQuestions) [[unlikely]] {
      return CheckNow();
    }
    return absl::OkStatus();
  }

  // As Check, without waiting for enough steps: after what may have taken long.
  absl::Status CheckNow();

  // Since this was made. A system call.
  absl::Duration spent() const;

 private:
  static constexpr size_t kStepsBetweenQuestions = size_t{1} << 16;

  const std::function<bool()>& cancelled_;
  const absl::Duration work_limit_;
  const absl::Duration start_;  // on the thread's clock
  size_t steps_ = 0;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_TEXT_CANCELLATION_H_
