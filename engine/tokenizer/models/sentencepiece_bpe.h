#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_SENTENCEPIECE_BPE_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_SENTENCEPIECE_BPE_H_

// Model type BPE of sentencepiece: adjacent symbols merge where together they are a piece, the
// piece of the highest score first. Equal to the library's (src/bpe_model.cc), which cannot be
// cancelled and takes a hundred times the text in memory.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/tokenizer/models/sentencepiece_pieces.h"
#include "engine/tokenizer/models/token_model.h"

namespace firstlight {

class SentencePieceBpe : public TokenModel {
 public:
  explicit SentencePieceBpe(std::shared_ptr<const SentencePiecePieces> pieces);
  static absl::StatusOr<std::unique_ptr<const SentencePieceBpe>> Load(ImageReader& image);

  absl::Status Tokenize(std::string_view piece, EncodeCancellation& cancellation,
                        TokenizeScratch& scratch, std::vector<int32_t>& ids) const override;
  const Vocabulary& vocabulary() const override { return pieces_->vocabulary; }
  void Save(ImageWriter& image) const override;
  size_t memory_bytes() const override;

 private:
  SentencePieceBpe(std::shared_ptr<const SentencePiecePieces> pieces, Table<uint32_t> ranks)
      : pieces_(std::move(pieces)), ranks_(std::move(ranks)) {}

  // Where the two symbols that last made an unused piece met, as the library remembers it.
  using UnusedSplits = std::unordered_map<std::string_view, size_t>;

  void AppendPiece(std::string_view piece, int32_t id, const UnusedSplits& unused,
                   bool& after_unknown, std::vector<int32_t>& ids) const;

  const std::shared_ptr<const SentencePiecePieces> pieces_;
  // Id → place among the scores, best first; equal scores share one.
  Table<uint32_t> ranks_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_SENTENCEPIECE_BPE_H_
