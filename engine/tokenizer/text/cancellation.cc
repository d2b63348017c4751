#include "engine/tokenizer/text/cancellation.h"

#include "absl/strings/str_cat.h"
#include "loader/base/thread_time.h"

namespace firstlight {
namespace {

constexpr absl::Duration kWorkAtLeast = absl::Seconds(2);
constexpr absl::Duration kWorkPerByte = absl::Microseconds(5);

}  // namespace

absl::Duration WorkLimit(size_t bytes) {
  return kWorkAtLeast + kWorkPerByte * static_cast<double>(bytes);
}

EncodeCancellation::EncodeCancellation(const std::function<bool()>& cancelled,
                                       absl::Duration work_limit)
    : cancelled_(cancelled), work_limit_(work_limit), start_(ThreadTime()) {}

absl::Duration EncodeCancellation::spent() const { return ThreadTime() - start_; }

absl::Status EncodeCancellation::CheckNow() {
  steps_ = 0;
  if (cancelled_ && cancelled_()) {
    return absl::CancelledError("tokenization was cancelled");
  }
  if (const absl::Duration spent = this->spent(); spent > work_limit_) {
    return absl::ResourceExhaustedError(
        absl::StrCat("text: expected at most ", absl::FormatDuration(work_limit_),
                     " of processor time to tokenize it, found ", absl::FormatDuration(spent),
                     " and no end: a pattern of the tokenizer takes too long on this text"));
  }
  return absl::OkStatus();
}

}  // namespace firstlight
