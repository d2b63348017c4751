#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_NORMALIZERS_NORMALIZED_TEXT_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_NORMALIZERS_NORMALIZED_TEXT_H_

// A text on its way through the normalizers, and which stretches of it stem from bytes that were
// marked in the original (EncodeOptions::forbidden_special_ranges).

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "engine/tokenizer/text/text_range.h"

namespace firstlight {

class NormalizedText {
 public:
  // `marked`: sorted, disjoint, none empty.
  explicit NormalizedText(std::string text, std::vector<TextRange> marked = {})
      : text_(std::move(text)),
        marked_(std::move(marked)),
        max_bytes_(kGrowth * text_.size() + kMoreBytes) {}

  // Of a hostile tokenizer's normalizers, none may make more of it. The longest decomposition of a
  // character, U+FDFA, takes eleven times its bytes.
  size_t max_bytes() const { return max_bytes_; }

  const std::string& text() const { return text_; }
  // What became of the marked bytes: sorted, disjoint, none empty.
  const std::vector<TextRange>& marked() const { return marked_; }

 private:
  friend class Rewriting;

  static constexpr size_t kGrowth = 32;
  static constexpr size_t kMoreBytes = size_t{1} << 20;

  std::string text_;
  std::vector<TextRange> marked_;
  size_t max_bytes_;
};

// One pass over a text, front to back, that makes the next one. Each call says what becomes of the
// bytes behind those of the call before it.
class Rewriting {
 public:
  // `text` must outlive this, and changes in Finish() only.
  explicit Rewriting(NormalizedText& text) : text_(text) {
    rewritten_.reserve(text.text_.size() + text.text_.size() / 2);
  }

  // What has not been consumed.
  std::string_view rest() const { return std::string_view(text_.text_).substr(consumed_); }

  // Puts `with`, which stands for nothing in the text, here.
  void Insert(std::string_view with) { rewritten_ += with; }

  // The next `bytes` stay as they are.
  void Keep(size_t bytes) {
    if (!text_.marked_.empty()) MarkKept(bytes);
    rewritten_.append(text_.text_, consumed_, bytes);
    consumed_ += bytes;
  }

  // The next `bytes` become `with`, whose bytes are marked if one of theirs is.
  void Replace(size_t bytes, std::string_view with) {
    if (!text_.marked_.empty()) MarkReplaced(bytes, with.size());
    rewritten_ += with;
    consumed_ += bytes;
  }

  void Drop(size_t bytes) { consumed_ += bytes; }

  // What has been written so far, and taking bytes off its end again.
  const std::string& rewritten() const { return rewritten_; }
  void RemoveSuffix(size_t bytes);

  // RESOURCE_EXHAUSTED when what has been written is longer than the text may become. To be asked
  // after each call that writes what a file gives.
  absl::Status CheckSize() const {
    return rewritten_.size() <= text_.max_bytes_ ? absl::OkStatus() : TooLong();
  }

  // What has been written is the text now. What has not been consumed is dropped.
  void Finish() {
    text_.text_ = std::move(rewritten_);
    text_.marked_ = std::move(marked_);
  }

 private:
  absl::Status TooLong() const;
  void MarkKept(size_t bytes);
  void MarkReplaced(size_t bytes, size_t with_bytes);
  void Mark(TextRange range);

  NormalizedText& text_;
  std::string rewritten_;
  std::vector<TextRange> marked_;
  size_t consumed_ = 0;
  size_t next_marked_ = 0;  // In text_.marked_: those before it end at or before consumed_.
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_NORMALIZERS_NORMALIZED_TEXT_H_
