#include "engine/tokenizer/formats/sentencepiece_proto.h"

#include <cstddef>
#include <optional>

#include "absl/status/status.h"
#include "engine/tokenizer/models/vocabulary.h"
#include "engine/tokenizer/text/utf8.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

absl::Status Malformed() {
  return absl::InvalidArgumentError("not a sentencepiece model: malformed protobuf");
}

// The fields of a message in wire format (protobuf.dev/programming-guides/encoding).
class Fields {
 public:
  enum WireType : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

  explicit Fields(std::string_view message) : rest_(message) {}

  // Moves to the next field; false at the end.
  absl::StatusOr<bool> Next() {
    if (rest_.empty()) {
      return false;
    }
    FIRSTLIGHT_ASSIGN_OR_RETURN(const uint64_t tag, Varint());
    number_ = tag >> 3;
    type_ = static_cast<uint32_t>(tag & 7);
    varint_ = 0;
    bytes_ = {};
    switch (type_) {
      case kVarint: {
        FIRSTLIGHT_ASSIGN_OR_RETURN(varint_, Varint());
        break;
      }
      case kBytes: {
        FIRSTLIGHT_ASSIGN_OR_RETURN(const uint64_t size, Varint());
        FIRSTLIGHT_ASSIGN_OR_RETURN(bytes_, Take(size));
        break;
      }
      case kFixed64:
      case kFixed32: {
        FIRSTLIGHT_RETURN_IF_ERROR(Take(type_ == kFixed64 ? 8 : 4).status());
        break;
      }
      default:
        return Malformed();
    }
    return true;
  }

  // Whether the field is `number`, with the wire type that it must have.
  bool Is(uint64_t number, WireType type) const { return number_ == number && type_ == type; }
  uint64_t varint() const { return varint_; }
  std::string_view bytes() const { return bytes_; }

 private:
  absl::StatusOr<uint64_t> Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) {
        return Malformed();
      }
      const auto byte = static_cast<unsigned char>(rest_[0]);
      rest_.remove_prefix(1);
      value |= uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) {
        return value;
      }
    }
    return Malformed();
  }

  absl::StatusOr<std::string_view> Take(uint64_t size) {
    if (size > rest_.size()) {
      return Malformed();
    }
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  std::string_view rest_;
  uint64_t number_ = 0;
  uint32_t type_ = 0;
  uint64_t varint_ = 0;
  std::string_view bytes_;
};

absl::StatusOr<SentencePieceProto::Piece> ParsePiece(std::string_view message, size_t id) {
  SentencePieceProto::Piece piece;
  uint64_t kind = static_cast<uint64_t>(PieceKind::kNormal);
  Fields fields(message);
  while (true) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const bool more, fields.Next());
    if (!more) {
      break;
    }
    if (fields.Is(1, Fields::kBytes)) {
      piece.text = fields.bytes();
    } else if (fields.Is(3, Fields::kVarint)) {
      kind = fields.varint();
    }
  }
  if (piece.text.empty() || FindInvalidUtf8(piece.text) != std::string_view::npos) {
    return absl::InvalidArgumentError(
        StrCat("piece ", id, ": expected a text in UTF-8, found ", Quoted(piece.text)));
  }
  if (kind < static_cast<uint64_t>(PieceKind::kNormal) ||
      kind > static_cast<uint64_t>(PieceKind::kByte)) {
    return absl::InvalidArgumentError(
        StrCat("piece ", id, ": expected a type in [1, 6], found ", kind));
  }
  piece.kind = static_cast<PieceKind>(kind);
  return piece;
}

absl::Status ParseTrainerSpec(std::string_view message, SentencePieceProto& proto) {
  Fields fields(message);
  while (true) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const bool more, fields.Next());
    if (!more) {
      return absl::OkStatus();
    }
    if (fields.Is(3, Fields::kVarint)) {
      if (fields.varint() < 1 || fields.varint() > 4) {
        return absl::InvalidArgumentError(
            StrCat("trainer_spec.model_type: expected [1, 4], found ", fields.varint()));
      }
      proto.model_type = static_cast<SentencePieceProto::ModelType>(fields.varint());
    } else if (fields.Is(24, Fields::kVarint)) {
      proto.treat_whitespace_as_suffix = fields.varint() != 0;
    } else if (fields.Is(35, Fields::kVarint)) {
      proto.byte_fallback = fields.varint() != 0;
    }
  }
}

absl::Status ParseNormalizerSpec(std::string_view message, SentencePieceProto& proto) {
  Fields fields(message);
  while (true) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const bool more, fields.Next());
    if (!more) {
      return absl::OkStatus();
    }
    if (fields.Is(2, Fields::kBytes)) {
      proto.precompiled_charsmap = fields.bytes();
    } else if (fields.Is(3, Fields::kVarint)) {
      proto.add_dummy_prefix = fields.varint() != 0;
    } else if (fields.Is(4, Fields::kVarint)) {
      proto.remove_extra_whitespaces = fields.varint() != 0;
    } else if (fields.Is(5, Fields::kVarint)) {
      proto.escape_whitespaces = fields.varint() != 0;
    }
  }
}

}  // namespace

absl::StatusOr<SentencePieceProto> ParseSentencePieceProto(std::string_view bytes) {
  SentencePieceProto proto;
  Fields fields(bytes);
  while (true) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const bool more, fields.Next());
    if (!more) {
      break;
    }
    if (fields.Is(1, Fields::kBytes)) {
      if (proto.pieces.size() >= static_cast<size_t>(Vocabulary::kMaxIds)) {
        return absl::InvalidArgumentError(
            StrCat("expected at most ", Vocabulary::kMaxIds, " pieces, found more"));
      }
      FIRSTLIGHT_ASSIGN_OR_RETURN(const SentencePieceProto::Piece piece,
                                  ParsePiece(fields.bytes(), proto.pieces.size()));
      proto.pieces.push_back(piece);
    } else if (fields.Is(2, Fields::kBytes)) {
      FIRSTLIGHT_RETURN_IF_ERROR(ParseTrainerSpec(fields.bytes(), proto));
    } else if (fields.Is(3, Fields::kBytes)) {
      FIRSTLIGHT_RETURN_IF_ERROR(ParseNormalizerSpec(fields.bytes(), proto));
    }
  }
  if (proto.pieces.empty()) {
    return absl::InvalidArgumentError("not a sentencepiece model: it has no pieces");
  }
  return proto;
}

}  // namespace firstlight
