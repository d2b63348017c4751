#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_TOKEN_MODEL_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_TOKEN_MODEL_H_

// The part of a tokenizer that turns one piece of text, as normalizer and pre-tokenizer left it,
// into ids: `model` in tokenizer.json. One class a type: bpe.h, unigram.h, word_piece.h,
// sentencepiece_*.h beside this one.
//
// Immutable; any thread may call Tokenize, with scratch space of its own.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "engine/tokenizer/models/best_segmentation.h"
#include "engine/tokenizer/models/symbol_merging.h"
#include "engine/tokenizer/models/vocabulary.h"
#include "engine/tokenizer/text/cancellation.h"

namespace firstlight {

// Memory that one Encode reuses from piece to piece.
struct TokenizeScratch {
  SymbolMerging merging;
  BestSegmentation segmentation;
  std::string text;
  std::vector<uint32_t> begins;

  // Sorted. Tokens that no text may become, though the vocabulary spells them as the text does.
  absl::Span<const int32_t> forbidden_ids;

  bool IsForbidden(int32_t id) const {
    return !forbidden_ids.empty() &&
           std::binary_search(forbidden_ids.begin(), forbidden_ids.end(), id);
  }
};

class TokenModel {
 public:
  virtual ~TokenModel() = default;

  // Appends the ids of `piece`, valid UTF-8 (but see BpeModel::Options::byte_level), to `ids`. None
  // is of the forbidden ones, the unknown token excepted.
  // Errors: CANCELLED; INVALID_ARGUMENT for a text that it has no tokens for. Ids out of the
  // vocabulary come out only where an image has been damaged.
  virtual absl::Status Tokenize(std::string_view piece, EncodeCancellation& cancellation,
                                TokenizeScratch& scratch, std::vector<int32_t>& ids) const = 0;

  virtual const Vocabulary& vocabulary() const = 0;
  // Its ModelTag, then what its Load() reads.
  virtual void Save(ImageWriter& image) const = 0;
  virtual size_t memory_bytes() const = 0;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_TOKEN_MODEL_H_
