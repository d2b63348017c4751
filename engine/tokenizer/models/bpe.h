#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_BPE_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_BPE_H_

// Model type "BPE" of tokenizer.json: byte-level, or over characters with an unknown token and byte
// fallback. Equal to tokenizers/src/models/bpe/model.rs without dropout.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/tokenizer/models/merge_table.h"
#include "engine/tokenizer/models/token_model.h"

namespace firstlight {

class BpeModel : public TokenModel {
 public:
  struct Options {
    // Pieces are the raw bytes that the byte-level alphabet spells (text/byte_level.h): the
    // pre-tokenizer left spelling them to the model, which does it by table.
    bool byte_level = false;
    // A piece that is a token needs no merges.
    bool ignore_merges = false;
    // A character without a token becomes the tokens <0x00>…<0xFF> of its bytes, where all of those
    // exist.
    bool byte_fallback = false;
    // Adjacent unknown characters become one unknown token.
    bool fuse_unk = false;
    // Empty: characters without a token vanish.
    std::string unk_token = {};
    // In front of each character of a piece but the first, behind the last. Each of kMaxAffixBytes
    // at most: they are looked up with every character.
    std::string continuing_subword_prefix = {};
    std::string end_of_word_suffix = {};
  };

  // Two tokens that merge, in order of rank.
  using MergePair = std::pair<std::string_view, std::string_view>;

  static constexpr size_t kMaxAffixBytes = 1024;

  // Errors: INVALID_ARGUMENT when a merge names a token, or makes one, that `vocabulary` lacks, the
  // unknown token is not in it, or an affix is too long.
  static absl::StatusOr<std::unique_ptr<const BpeModel>> Create(
      Vocabulary vocabulary, const std::vector<MergePair>& merges, Options options);

  static absl::StatusOr<std::unique_ptr<const BpeModel>> Load(ImageReader& image);

  absl::Status Tokenize(std::string_view piece, EncodeCancellation& cancellation,
                        TokenizeScratch& scratch, std::vector<int32_t>& ids) const override;
  const Vocabulary& vocabulary() const override { return vocabulary_; }
  void Save(ImageWriter& image) const override;
  size_t memory_bytes() const override;

 private:
  BpeModel(Vocabulary vocabulary, Options options);

  absl::Status AddMerges(const std::vector<MergePair>& merges);
  absl::Status AddJoints(const std::vector<MergeTable::Entry>& merges);
  // The token that is the whole of `piece`, kNoId if none is.
  int32_t WholePiece(std::string_view piece, TokenizeScratch& scratch) const;
  bool has_affixes() const {
    return !options_.continuing_subword_prefix.empty() || !options_.end_of_word_suffix.empty();
  }

  // The symbols of a piece on their way to ids.
  class Symbols;
  absl::Status AddSymbols(std::string_view piece, TokenizeScratch& scratch, Symbols& symbols) const;
  // The symbols of a character that is none itself; `pending_unknown` waits to be fused.
  absl::Status AddUnknown(std::string_view character, bool& pending_unknown,
                          Symbols& symbols) const;

  const Vocabulary vocabulary_;
  const Options options_;
  MergeTable merges_;
  // The pairs of adjacent symbols, as they are before any merge, that some merge puts into one
  // token; their rank says nothing. No token reaches across another pair, so that the symbols on
  // either side merge on their own: a text that no pre-tokenizer has cut is merged word by word.
  MergeTable joints_;
  int32_t unk_id_ = Vocabulary::kNoId;
  // Byte → id: of its byte-level character, and of its fallback token. kNoId where there is none.
  std::array<int32_t, 256> byte_level_ids_;
  std::array<int32_t, 256> fallback_ids_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_BPE_H_
