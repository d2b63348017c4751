#include "engine/tokenizer/normalizers/normalized_text.h"

#include <algorithm>

#include "loader/base/strings.h"

namespace firstlight {

absl::Status Rewriting::TooLong() const {
  return absl::ResourceExhaustedError(StrCat("text: expected at most ", text_.max_bytes_,
                                             " bytes when it is normalized, found more"));
}

void Rewriting::Mark(TextRange range) {
  if (!marked_.empty() && range.begin <= marked_.back().end) {
    marked_.back().end = range.end;
  } else if (range.begin < range.end) {
    marked_.push_back(range);
  }
}

void Rewriting::MarkKept(size_t bytes) {
  const size_t end = consumed_ + bytes;
  for (; next_marked_ < text_.marked_.size(); ++next_marked_) {
    const TextRange& range = text_.marked_[next_marked_];
    if (range.begin >= end) return;
    if (range.end > consumed_) {
      Mark({rewritten_.size() + std::max(range.begin, consumed_) - consumed_,
            rewritten_.size() + std::min(range.end, end) - consumed_});
    }
    if (range.end > end) return;
  }
}

void Rewriting::MarkReplaced(size_t bytes, size_t with_bytes) {
  const size_t end = consumed_ + bytes;
  bool touched = false;
  for (; next_marked_ < text_.marked_.size(); ++next_marked_) {
    const TextRange& range = text_.marked_[next_marked_];
    if (range.begin >= end) break;
    touched = touched || range.end > consumed_;
    if (range.end > end) break;
  }
  if (touched) Mark({rewritten_.size(), rewritten_.size() + with_bytes});
}

void Rewriting::RemoveSuffix(size_t bytes) {
  rewritten_.resize(rewritten_.size() - bytes);
  while (!marked_.empty() && marked_.back().end > rewritten_.size()) {
    marked_.back().end = rewritten_.size();
    if (marked_.back().begin < marked_.back().end) break;
    marked_.pop_back();
  }
}

}  // namespace firstlight
