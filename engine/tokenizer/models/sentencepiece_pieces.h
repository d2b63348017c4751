#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_SENTENCEPIECE_PIECES_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_SENTENCEPIECE_PIECES_H_

// The pieces of a sentencepiece model, as its two kinds of model and its normalizer share them.
// Immutable once built.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/tokenizer/formats/sentencepiece_proto.h"
#include "engine/tokenizer/models/byte_trie.h"
#include "engine/tokenizer/models/vocabulary.h"

namespace firstlight {

struct SentencePiecePieces {
  // `scores` has one for each piece of `proto`. INVALID_ARGUMENT for a piece given twice or no
  // unknown piece.
  static absl::StatusOr<SentencePiecePieces> Create(const SentencePieceProto& proto,
                                                    std::vector<float> scores);

  void Save(ImageWriter& image) const;
  static SentencePiecePieces Load(ImageReader& image);

  // Whether a text may become this piece: not the ones that only stand for something.
  bool IsText(int32_t id) const {
    return kinds[id] == PieceKind::kNormal || kinds[id] == PieceKind::kUserDefined ||
           kinds[id] == PieceKind::kUnused;
  }

  // Appends what stands for `text`, which is no piece: its bytes, if `byte_fallback`, or the
  // unknown piece, but that only once for adjacent unknown texts (`after_unknown`, which it sets).
  void AppendUnknown(std::string_view text, bool& after_unknown, std::vector<int32_t>& ids) const;

  size_t memory_bytes() const;

  Vocabulary vocabulary;
  Table<PieceKind> kinds;  // [ids]
  Table<float> scores;     // [ids]
  ByteTrie user_defined;
  int32_t unknown_id = 0;
  bool byte_fallback = false;
  std::array<int32_t, 256> byte_ids{};
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_SENTENCEPIECE_PIECES_H_
