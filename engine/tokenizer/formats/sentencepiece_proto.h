#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_FORMATS_SENTENCEPIECE_PROTO_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_FORMATS_SENTENCEPIECE_PROTO_H_

// What a tokenizer.model says beyond the public interface of the sentencepiece library: the kinds
// of its pieces and the settings of its normalizer, read straight from the wire format of
// sentencepiece_model.proto (message ModelProto). Every bound is checked before the library, which
// trusts its files more, sees them.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace firstlight {

// ModelProto.SentencePiece.Type.
enum class PieceKind : uint8_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6,
};

struct SentencePieceProto {
  struct Piece {
    std::string_view text;  // Of the bytes that were parsed.
    PieceKind kind = PieceKind::kNormal;
  };
  enum class ModelType { kUnigram = 1, kBpe = 2, kWord = 3, kChar = 4 };

  std::vector<Piece> pieces;

  // trainer_spec
  ModelType model_type = ModelType::kUnigram;
  bool byte_fallback = false;
  bool treat_whitespace_as_suffix = false;

  // normalizer_spec
  std::string_view precompiled_charsmap;  // Of the bytes that were parsed.
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;
};

// INVALID_ARGUMENT when `bytes` is not a ModelProto, or has a piece that is empty, not UTF-8 or of
// an unknown kind. The result refers to `bytes`.
absl::StatusOr<SentencePieceProto> ParseSentencePieceProto(std::string_view bytes);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_FORMATS_SENTENCEPIECE_PROTO_H_
