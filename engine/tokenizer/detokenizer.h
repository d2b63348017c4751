#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_DETOKENIZER_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_DETOKENIZER_H_

// Token ids to text, one id at a time or all at once.
//
// What Append has returned so far, then Flush, is always exactly Decode of the same ids: it is
// valid UTF-8, and text that a later token could still change is held back (the first bytes of a
// character; for vocabularies with byte fallback, the run of byte tokens that has not ended yet;
// whatever the checkpoint's decoder may still strip or replace). Bytes that never become a
// character are U+FFFD, at the places where transformers' decoding puts them.
//
// A Detokenizer belongs to one sequence and is used by one thread at a time. It never blocks.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "engine/tokenizer/tokenizer.h"

namespace firstlight {

struct DecodeOptions {
  // Leaves special tokens out of the text,
  bool skip_special_tokens = true;
  // but for these. Ascending.
  std::vector<int32_t> shown_special_ids = {};
};

class Detokenizer {
 public:
  // `tokenizer` must outlive the detokenizer. `context` are the ids before the first one appended,
  // the prompt: the text continues it, so that a word that follows a prompt keeps its leading space
  // and a character whose first bytes end the prompt is completed. The context's own text is not
  // returned. Only its last tokens are looked at: the cost hardly grows with it.
  static std::unique_ptr<Detokenizer> Create(const Tokenizer& tokenizer,
                                             absl::Span<const int32_t> context = {},
                                             DecodeOptions options = {});
  ~Detokenizer();

  // The text that `id` made certain, often that of `id` itself, possibly empty. An id that stands
  // for no token (a padding row of the model) has no text.
  std::string Append(int32_t id);

  // The text held back, incomplete characters as U+FFFD. The detokenizer takes no id after this.
  std::string Flush();

 private:
  Detokenizer(const Tokenizer& tokenizer, DecodeOptions options);

  bool IsSkipped(int32_t id) const;
  void Push(int32_t id);
  std::string Take();

  const Tokenizer& tokenizer_;
  const DecodeOptions options_;
  const std::unique_ptr<DecodeStage> decoding_;
  std::string certain_;  // Text that became certain and has not been returned.
  // The end of the context's text, as far as the decoding still held it back when the context
  // ended: it comes out ahead of the first generated text and is cut off there.
  std::string context_tail_;
};

// The text of `ids`, whole.
std::string Decode(const Tokenizer& tokenizer, absl::Span<const int32_t> ids,
                   DecodeOptions options = {});

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_DETOKENIZER_H_
