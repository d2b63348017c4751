#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_TOKENIZER_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_TOKENIZER_H_

// Text to token ids, and what each id stands for. The way back is detokenizer.h; opening the files
// of a checkpoint is tokenizer_factory.h.
//
// Equal to Hugging Face's `tokenizers` for tokenizer.json and vocab.json with merges.txt, and to
// the sentencepiece library for tokenizer.model (docs/tokenizers.md says where and why they
// differ).
//
// A Tokenizer is immutable once made: every method may be called from any thread at any time.
// Encode computes for as long as the text needs (n log n in the text's length, whatever the text)
// and must not run on a thread that may not block; nothing else here takes noticeable time.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/tokenizer/text/text_range.h"

namespace firstlight {

class DecodeStage;
class MappedFile;

struct EncodeOptions {
  // Adds what the tokenizer's post-processor adds around a text (`<s>` before it, for instance).
  bool add_special_tokens = true;

  // Recognises special tokens in the text: "<|im_end|>" becomes that token. When false they are
  // ordinary text. Added tokens that are not special (runs of spaces, for instance) are recognised
  // either way, as in transformers' `split_special_tokens`.
  bool parse_special_tokens = true;

  // Where the text is not the program's own (what users wrote into a conversation): no special
  // token comes of it. A special token that would take one of these bytes is no token there,
  // whether it is an added token, one of the normalized text, or a piece of the model's own
  // vocabulary; the rest of the text is encoded as if it were not forbidden. (Whitespace beside a
  // special token that takes it along, lstrip and rstrip, may be theirs. Unknown characters become
  // the unknown token, special or not.) Sorted and disjoint, within the text; what they refer to
  // must outlive the call.
  absl::Span<const TextRange> forbidden_special_ranges = {};

  // Asked at bounded intervals, about every millisecond of work, on the calling thread. Once it
  // returns true, Encode gives up with CANCELLED. Empty: never cancelled.
  std::function<bool()> cancelled = {};
};

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // The ids of `text`. Errors: INVALID_ARGUMENT when `text` is not valid UTF-8 (the message names
  // the byte offset) or is 1 GiB or longer, or the options' ranges are not as said; CANCELLED;
  // RESOURCE_EXHAUSTED when a pattern of the tokenizer backtracks beyond its limit on this text, or
  // all of it takes more processor time than WorkLimit (text/cancellation.h) allows for its length.
  virtual absl::StatusOr<std::vector<int32_t>> Encode(std::string_view text,
                                                      const EncodeOptions& options) const = 0;
  absl::StatusOr<std::vector<int32_t>> Encode(std::string_view text) const {
    return Encode(text, EncodeOptions());
  }

  // One past the largest id. Ids need not be dense: HasToken says whether an id stands for a token.
  virtual int32_t vocab_size() const = 0;
  virtual bool HasToken(int32_t id) const = 0;

  // The token of `id` as the vocabulary spells it ("Ġblue", "▁blue", "<0x0A>"); empty where there
  // is none. The view lives as long as the tokenizer.
  virtual std::string_view IdToToken(int32_t id) const = 0;

  // The id of a token as the vocabulary spells it, added tokens first.
  virtual std::optional<int32_t> TokenToId(std::string_view token) const = 0;

  // The bytes that `id` contributes in the middle of a text (" blue", "\n", one byte of a
  // character): not always valid UTF-8. Empty where there is no such token. A special token
  // contributes its own spelling.
  virtual std::string TokenBytes(int32_t id) const = 0;

  // TokenBytes as valid UTF-8, each ill-formed sequence replaced by U+FFFD: the `text` of a token
  // in a response.
  std::string TokenText(int32_t id) const;

  // Whether `id` is a special token: one that decoding skips when asked to skip special tokens.
  virtual bool IsSpecial(int32_t id) const = 0;

  // Every special id, ascending.
  virtual const std::vector<int32_t>& special_ids() const = 0;

  // The ids of bos_token and eos_token, where the checkpoint names them.
  virtual std::optional<int32_t> bos_id() const = 0;
  virtual std::optional<int32_t> eos_id() const = 0;

  // A new decoding of a sequence of tokens. For detokenizer.cc, which owns what is around it.
  virtual std::unique_ptr<DecodeStage> NewDecoding() const = 0;

  // The file that its tables lie in; null where they have memory of their own. What it answers is
  // worth nothing once that file has changed.
  virtual std::shared_ptr<const MappedFile> image() const { return nullptr; }

  // Bytes of memory that the tokenizer's tables hold.
  virtual size_t memory_bytes() const = 0;
};

// OK when every id of `tokenizer` has a row among `vocab_rows` (rows beyond are padding, which is
// normal); INVALID_ARGUMENT naming the first id that has none.
absl::Status CheckTokenizerFitsModel(const Tokenizer& tokenizer, int64_t vocab_rows);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_TOKENIZER_H_
