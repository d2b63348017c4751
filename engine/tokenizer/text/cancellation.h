#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_TEXT_CANCELLATION_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_TEXT_CANCELLATION_H_

// Asks "has this been cancelled?" now and then during a long computation, without paying for the
// question at each step. Belongs to one computation on one thread.

#include <cstddef>
#include <functional>

#include "absl/status/status.h"

namespace firstlight {

class Cancellation {
 public:
  // `cancelled` may be empty (never cancelled) and must outlive this.
  explicit Cancellation(const std::function<bool()>& cancelled) : cancelled_(cancelled) {}

  // Counts `work` steps, each some ten nanoseconds: about a character of text. CANCELLED once the
  // caller no longer wants the result.
  absl::Status Check(size_t work) {
    steps_ += work;
    if (steps_ >= kStepsBetweenQuestions) [[unlikely]] {
      steps_ = 0;
      if (cancelled_ && cancelled_()) {
        return absl::CancelledError("tokenization was cancelled");
      }
    }
    return absl::OkStatus();
  }

 private:
  static constexpr size_t kStepsBetweenQuestions = size_t{1} << 16;

  const std::function<bool()>& cancelled_;
  size_t steps_ = 0;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_TEXT_CANCELLATION_H_
