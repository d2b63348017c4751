#include "engine/tokenizer/models/sentencepiece_pieces.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "engine/tokenizer/models/byte_tokens.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {

absl::StatusOr<SentencePiecePieces> SentencePiecePieces::Create(const SentencePieceProto& proto,
                                                                std::vector<float> scores) {
  SentencePiecePieces pieces;
  std::vector<Vocabulary::Entry> entries;
  std::vector<std::pair<std::string_view, int32_t>> user_defined;
  std::vector<PieceKind> kinds;
  entries.reserve(proto.pieces.size());
  kinds.reserve(proto.pieces.size());
  pieces.unknown_id = Vocabulary::kNoId;
  for (size_t i = 0; i < proto.pieces.size(); ++i) {
    const auto id = static_cast<int32_t>(i);
    const SentencePieceProto::Piece& piece = proto.pieces[i];
    entries.push_back({.token = piece.text, .id = id});
    kinds.push_back(piece.kind);
    if (piece.kind == PieceKind::kUserDefined) {
      user_defined.emplace_back(piece.text, id);
    } else if (piece.kind == PieceKind::kUnknown) {
      pieces.unknown_id = id;
    }
  }
  if (pieces.unknown_id == Vocabulary::kNoId) {
    return absl::InvalidArgumentError("expected a piece of type UNKNOWN, found none");
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(pieces.vocabulary, Vocabulary::Create(entries));
  pieces.kinds = Table<PieceKind>(std::move(kinds));
  pieces.scores = Table<float>(std::move(scores));
  pieces.user_defined = ByteTrie(std::move(user_defined));
  pieces.byte_ids = FindByteTokens(pieces.vocabulary);
  pieces.byte_fallback =
      proto.byte_fallback && std::find(pieces.byte_ids.begin(), pieces.byte_ids.end(),
                                       Vocabulary::kNoId) == pieces.byte_ids.end();
  if (proto.byte_fallback && !pieces.byte_fallback) {
    return absl::InvalidArgumentError(
        "byte_fallback: expected the pieces <0x00> to <0xFF>, found not all of them");
  }
  return pieces;
}

void SentencePiecePieces::Save(ImageWriter& image) const {
  vocabulary.Save(image);
  image.Write(kinds);
  image.Write(scores);
  user_defined.Save(image);
  image.Write(unknown_id);
  image.Write(byte_fallback);
}

SentencePiecePieces SentencePiecePieces::Load(ImageReader& image) {
  SentencePiecePieces pieces;
  pieces.vocabulary = Vocabulary::Load(image);
  const auto size = static_cast<size_t>(pieces.vocabulary.size());
  pieces.kinds = image.ReadTable<PieceKind>();
  pieces.scores = image.ReadTable<float>();
  pieces.user_defined = ByteTrie::Load(image, size);
  pieces.unknown_id = image.Read<int32_t>();
  pieces.byte_fallback = image.ReadBool();
  if (pieces.kinds.size() != size || pieces.scores.size() != size ||
      !pieces.vocabulary.Has(pieces.unknown_id)) {
    image.Fail("pieces");
    return {};
  }
  pieces.byte_ids = FindByteTokens(pieces.vocabulary);
  return pieces;
}

void SentencePiecePieces::AppendUnknown(std::string_view text, bool& after_unknown,
                                        std::vector<int32_t>& ids) const {
  if (byte_fallback) {
    AppendByteTokens(text, byte_ids, ids);
  } else if (!after_unknown) {
    ids.push_back(unknown_id);
  }
  after_unknown = true;
}

size_t SentencePiecePieces::memory_bytes() const {
  return sizeof(*this) + vocabulary.memory_bytes() + kinds.memory_bytes() + scores.memory_bytes() +
         user_defined.memory_bytes();
}

}  // namespace firstlight
