#include "engine/tokenizer/models/bpe.h"

#include <algorithm>

#include "engine/tokenizer/image/component_tags.h"
#include "engine/tokenizer/models/byte_tokens.h"
#include "engine/tokenizer/text/byte_level.h"
#include "engine/tokenizer/text/utf8.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {

absl::StatusOr<std::unique_ptr<const BpeModel>> BpeModel::Create(
    Vocabulary vocabulary, const std::vector<MergePair>& merges, Options options) {
  std::unique_ptr<BpeModel> model(new BpeModel(std::move(vocabulary), std::move(options)));
  if (!model->options_.unk_token.empty() && model->unk_id_ == Vocabulary::kNoId) {
    return absl::InvalidArgumentError(StrCat("unk_token ", Quoted(model->options_.unk_token),
                                             ": expected a token of vocab, found none"));
  }
  FIRSTLIGHT_RETURN_IF_ERROR(model->AddMerges(merges));
  return model;
}

BpeModel::BpeModel(Vocabulary vocabulary, Options options)
    : vocabulary_(std::move(vocabulary)), options_(std::move(options)) {
  for (int byte = 0; byte < 256; ++byte) {
    std::string character;
    AppendUtf8(ByteLevelCharacter(static_cast<uint8_t>(byte)), character);
    byte_level_ids_[byte] = vocabulary_.Find(character);
  }
  fallback_ids_ = FindByteTokens(vocabulary_);
  if (!options_.unk_token.empty()) {
    unk_id_ = vocabulary_.Find(options_.unk_token);
  }
}

absl::Status BpeModel::AddMerges(const std::vector<MergePair>& merges) {
  std::vector<MergeTable::Entry> entries;
  entries.reserve(merges.size());
  std::string merged;
  uint32_t rank = 0;
  for (const auto& [left, right] : merges) {
    const int32_t left_id = vocabulary_.Find(left);
    const int32_t right_id = vocabulary_.Find(right);
    if (left_id == Vocabulary::kNoId || right_id == Vocabulary::kNoId) {
      return absl::InvalidArgumentError(
          StrCat("merge ", rank, ": expected two tokens of vocab, found ",
                 Quoted(left_id == Vocabulary::kNoId ? left : right), ", which is none"));
    }
    std::string_view tail = right;
    if (tail.size() < options_.continuing_subword_prefix.size()) {
      return absl::InvalidArgumentError(StrCat("merge ", rank, ": ", Quoted(right),
                                               " is shorter than continuing_subword_prefix"));
    }
    tail.remove_prefix(options_.continuing_subword_prefix.size());
    merged.assign(left);
    merged += tail;
    const int32_t id = vocabulary_.Find(merged);
    if (id == Vocabulary::kNoId) {
      return absl::InvalidArgumentError(
          StrCat("merge ", rank, " makes ", Quoted(merged), ", which is not a token of vocab"));
    }
    entries.push_back({.left = left_id, .right = right_id, .merge = {.rank = rank, .id = id}});
    ++rank;
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(merges_, MergeTable::Create(entries));
  return absl::OkStatus();
}

void BpeModel::Save(ImageWriter& image) const {
  image.Write(ModelTag::kBpe);
  vocabulary_.Save(image);
  image.Write(options_.byte_level);
  image.Write(options_.ignore_merges);
  image.Write(options_.byte_fallback);
  image.Write(options_.fuse_unk);
  image.Write(options_.unk_token);
  image.Write(options_.continuing_subword_prefix);
  image.Write(options_.end_of_word_suffix);
  merges_.Save(image);
}

absl::StatusOr<std::unique_ptr<const BpeModel>> BpeModel::Load(ImageReader& image) {
  Vocabulary vocabulary = Vocabulary::Load(image);
  Options options;
  options.byte_level = image.ReadBool();
  options.ignore_merges = image.ReadBool();
  options.byte_fallback = image.ReadBool();
  options.fuse_unk = image.ReadBool();
  options.unk_token = image.ReadString();
  options.continuing_subword_prefix = image.ReadString();
  options.end_of_word_suffix = image.ReadString();
  FIRSTLIGHT_RETURN_IF_ERROR(image.status());
  std::unique_ptr<BpeModel> model(new BpeModel(std::move(vocabulary), std::move(options)));
  model->merges_ = MergeTable::Load(image);
  return model;
}

absl::Status BpeModel::Tokenize(std::string_view piece, EncodeCancellation& cancellation,
                                TokenizeScratch& scratch, std::vector<int32_t>& ids) const {
  if (options_.ignore_merges) {
    const int32_t id = WholePiece(piece, scratch);
    if (id != Vocabulary::kNoId && !scratch.IsForbidden(id)) {
      ids.push_back(id);
      return cancellation.Check(piece.size());
    }
  }
  SymbolMerging& merging = scratch.merging;
  merging.Clear();
  FIRSTLIGHT_RETURN_IF_ERROR(AddSymbols(piece, cancellation, scratch));
  FIRSTLIGHT_RETURN_IF_ERROR(merging.Run(
      [&](int32_t left, int32_t right) {
        const Merge merge = merges_.Find(merging[left].id, merging[right].id);
        return scratch.IsForbidden(merge.id) ? Merge() : merge;
      },
      cancellation));
  if (merging.size() > 0) {
    for (int32_t i = 0; i != SymbolMerging::kNone; i = merging[i].next) {
      ids.push_back(merging[i].id);
    }
  }
  return absl::OkStatus();
}

int32_t BpeModel::WholePiece(std::string_view piece, TokenizeScratch& scratch) const {
  // No spelling is shorter than its bytes.
  if (piece.size() > vocabulary_.longest()) {
    return Vocabulary::kNoId;
  }
  if (!options_.byte_level) {
    return vocabulary_.Find(piece);
  }
  scratch.text.clear();
  AppendByteLevel(piece, scratch.text);
  return vocabulary_.Find(scratch.text);
}

absl::Status BpeModel::AddSymbols(std::string_view piece, EncodeCancellation& cancellation,
                                  TokenizeScratch& scratch) const {
  SymbolMerging& merging = scratch.merging;
  const bool affixes =
      !options_.continuing_subword_prefix.empty() || !options_.end_of_word_suffix.empty();
  bool pending_unknown = false;
  const auto add = [&](int32_t id, std::string_view character) {
    if (id == Vocabulary::kNoId || scratch.IsForbidden(id)) {
      AddUnknown(character, pending_unknown, merging);
      return;
    }
    if (pending_unknown) {
      merging.Add(unk_id_);
      pending_unknown = false;
    }
    merging.Add(id);
  };
  for (size_t position = 0; position < piece.size();) {
    FIRSTLIGHT_RETURN_IF_ERROR(cancellation.Check(1));
    if (options_.byte_level) {
      const auto byte = static_cast<uint8_t>(piece[position++]);
      if (byte_level_ids_[byte] != Vocabulary::kNoId) {
        add(byte_level_ids_[byte], {});
      } else {
        scratch.text.clear();
        AppendUtf8(ByteLevelCharacter(byte), scratch.text);
        add(Vocabulary::kNoId, scratch.text);
      }
      continue;
    }
    const size_t length = Utf8Length(piece[position]);
    std::string_view character = piece.substr(position, length);
    if (affixes) {
      scratch.text = StrCat(position > 0 ? options_.continuing_subword_prefix : "", character,
                            position + length == piece.size() ? options_.end_of_word_suffix : "");
      character = scratch.text;
    }
    position += length;
    add(vocabulary_.Find(character), character);
  }
  if (pending_unknown) {
    merging.Add(unk_id_);
  }
  return absl::OkStatus();
}

void BpeModel::AddUnknown(std::string_view character, bool& pending_unknown,
                          SymbolMerging& merging) const {
  if (options_.byte_fallback && std::all_of(character.begin(), character.end(), [&](char byte) {
        return fallback_ids_[static_cast<uint8_t>(byte)] != Vocabulary::kNoId;
      })) {
    // An unknown token that waits stays behind these, as it does in `tokenizers`.
    for (const char byte : character) {
      merging.Add(fallback_ids_[static_cast<uint8_t>(byte)]);
    }
    return;
  }
  if (unk_id_ == Vocabulary::kNoId) {
    return;
  }
  if (pending_unknown && !options_.fuse_unk) {
    merging.Add(unk_id_);
  }
  pending_unknown = true;
}

size_t BpeModel::memory_bytes() const {
  return sizeof(*this) + vocabulary_.memory_bytes() + merges_.memory_bytes();
}

}  // namespace firstlight
