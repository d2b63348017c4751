#include "engine/tokenizer/models/bpe.h"

#include <algorithm>

#include "engine/tokenizer/image/component_tags.h"
#include "engine/tokenizer/models/byte_tokens.h"
#include "engine/tokenizer/text/byte_level.h"
#include "engine/tokenizer/text/utf8.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

// Shorter pieces, words for the most part, are not worth looking for places to cut them.
constexpr size_t kCutAbove = 48;

std::string_view FirstCharacter(std::string_view token) {
  return token.empty() ? token : token.substr(0, Utf8Length(token[0]));
}

std::string_view LastCharacter(std::string_view token) {
  size_t begin = token.size();
  while (begin > 0 && (static_cast<unsigned char>(token[--begin]) & 0xC0) == 0x80) {
  }
  return token.substr(begin);
}

}  // namespace

absl::StatusOr<std::unique_ptr<const BpeModel>> BpeModel::Create(
    Vocabulary vocabulary, const std::vector<MergePair>& merges, Options options) {
  for (const std::string* affix :
       {&options.continuing_subword_prefix, &options.end_of_word_suffix}) {
    if (affix->size() > kMaxAffixBytes) {
      return absl::InvalidArgumentError(
          StrCat("continuing_subword_prefix and end_of_word_suffix: expected at most ",
                 kMaxAffixBytes, " bytes, found ", affix->size()));
    }
  }
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
  return AddJoints(entries);
}

absl::Status BpeModel::AddJoints(const std::vector<MergeTable::Entry>& merges) {
  std::vector<MergeTable::Entry> joints;
  if (!has_affixes()) {
    // What stands for a character without a token is a symbol as a whole.
    const auto stands_for_other = [this](int32_t id) {
      return id == unk_id_ ||
             std::find(fallback_ids_.begin(), fallback_ids_.end(), id) != fallback_ids_.end();
    };
    const auto add = [&](int32_t left, int32_t right) {
      joints.push_back({.left = left, .right = right, .merge = {.rank = 0, .id = 0}});
    };
    for (const MergeTable::Entry& merge : merges) {
      const int32_t last = vocabulary_.Find(LastCharacter(vocabulary_.Token(merge.left)));
      const int32_t first = vocabulary_.Find(FirstCharacter(vocabulary_.Token(merge.right)));
      add(last, first);
      if (stands_for_other(merge.left)) add(merge.left, first);
      if (stands_for_other(merge.right)) add(last, merge.right);
      if (stands_for_other(merge.left) && stands_for_other(merge.right)) {
        add(merge.left, merge.right);
      }
    }
    const auto pair_of = [](const MergeTable::Entry& entry) {
      return std::pair(entry.left, entry.right);
    };
    std::sort(joints.begin(), joints.end(),
              [&](const auto& a, const auto& b) { return pair_of(a) < pair_of(b); });
    joints.erase(
        std::unique(joints.begin(), joints.end(),
                    [&](const auto& a, const auto& b) { return pair_of(a) == pair_of(b); }),
        joints.end());
    std::erase_if(joints, [](const MergeTable::Entry& entry) {
      return entry.left == Vocabulary::kNoId || entry.right == Vocabulary::kNoId;
    });
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(joints_, MergeTable::Create(joints));
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
  joints_.Save(image);
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
  if (std::max(options.continuing_subword_prefix.size(), options.end_of_word_suffix.size()) >
      kMaxAffixBytes) {
    image.Fail("shorter affixes");
  }
  FIRSTLIGHT_RETURN_IF_ERROR(image.status());
  std::unique_ptr<BpeModel> model(new BpeModel(std::move(vocabulary), std::move(options)));
  model->merges_ = MergeTable::Load(image);
  model->joints_ = MergeTable::Load(image);
  return model;
}

class BpeModel::Symbols {
 public:
  // `cut`: merge as soon as no token can reach from the symbols so far to the next one.
  Symbols(const BpeModel& model, bool cut, EncodeCancellation& cancellation,
          TokenizeScratch& scratch, std::vector<int32_t>& ids)
      : model_(model), cut_(cut), cancellation_(cancellation), scratch_(scratch), ids_(ids) {
    scratch_.merging.Clear();
  }

  absl::Status Add(int32_t id) {
    if (cut_ && scratch_.merging.size() > 0 &&
        model_.joints_.Find(last_, id).rank == Merge::kNoRank) {
      FIRSTLIGHT_RETURN_IF_ERROR(Finish());
    }
    scratch_.merging.Add(id);
    last_ = id;
    return cancellation_.Check(1);
  }

  // Merges what has been added and appends the ids.
  absl::Status Finish() {
    SymbolMerging& merging = scratch_.merging;
    FIRSTLIGHT_RETURN_IF_ERROR(merging.Run(
        [&](int32_t left, int32_t right) {
          const Merge merge = model_.merges_.Find(merging[left].id, merging[right].id);
          return scratch_.IsForbidden(merge.id) ? Merge() : merge;
        },
        cancellation_));
    for (int32_t i = merging.size() > 0 ? 0 : SymbolMerging::kNone; i != SymbolMerging::kNone;
         i = merging[i].next) {
      ids_.push_back(merging[i].id);
    }
    merging.Clear();
    return absl::OkStatus();
  }

 private:
  const BpeModel& model_;
  const bool cut_;
  EncodeCancellation& cancellation_;
  TokenizeScratch& scratch_;
  std::vector<int32_t>& ids_;
  int32_t last_ = Vocabulary::kNoId;
};

absl::Status BpeModel::Tokenize(std::string_view piece, EncodeCancellation& cancellation,
                                TokenizeScratch& scratch, std::vector<int32_t>& ids) const {
  if (options_.ignore_merges) {
    const int32_t id = WholePiece(piece, scratch);
    if (id != Vocabulary::kNoId && !scratch.IsForbidden(id)) {
      ids.push_back(id);
      return cancellation.Check(piece.size());
    }
  }
  Symbols symbols(*this, /*cut=*/piece.size() > kCutAbove && !has_affixes(), cancellation, scratch,
                  ids);
  FIRSTLIGHT_RETURN_IF_ERROR(AddSymbols(piece, scratch, symbols));
  return symbols.Finish();
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

absl::Status BpeModel::AddSymbols(std::string_view piece, TokenizeScratch& scratch,
                                  Symbols& symbols) const {
  bool pending_unknown = false;
  const auto add = [&](int32_t id, std::string_view character) -> absl::Status {
    if (id == Vocabulary::kNoId || scratch.IsForbidden(id)) {
      return AddUnknown(character, pending_unknown, symbols);
    }
    if (pending_unknown) {
      pending_unknown = false;
      FIRSTLIGHT_RETURN_IF_ERROR(symbols.Add(unk_id_));
    }
    return symbols.Add(id);
  };
  for (size_t position = 0; position < piece.size();) {
    if (options_.byte_level) {
      const auto byte = static_cast<uint8_t>(piece[position++]);
      if (byte_level_ids_[byte] != Vocabulary::kNoId) {
        FIRSTLIGHT_RETURN_IF_ERROR(add(byte_level_ids_[byte], {}));
      } else {
        scratch.text.clear();
        AppendUtf8(ByteLevelCharacter(byte), scratch.text);
        FIRSTLIGHT_RETURN_IF_ERROR(add(Vocabulary::kNoId, scratch.text));
      }
      continue;
    }
    const size_t length = Utf8Length(piece[position]);
    std::string_view character = piece.substr(position, length);
    if (has_affixes()) {
      scratch.text = StrCat(position > 0 ? options_.continuing_subword_prefix : "", character,
                            position + length == piece.size() ? options_.end_of_word_suffix : "");
      character = scratch.text;
    }
    position += length;
    FIRSTLIGHT_RETURN_IF_ERROR(add(vocabulary_.Find(character), character));
  }
  return pending_unknown ? symbols.Add(unk_id_) : absl::OkStatus();
}

absl::Status BpeModel::AddUnknown(std::string_view character, bool& pending_unknown,
                                  Symbols& symbols) const {
  if (options_.byte_fallback && std::all_of(character.begin(), character.end(), [&](char byte) {
        return fallback_ids_[static_cast<uint8_t>(byte)] != Vocabulary::kNoId;
      })) {
    // An unknown token that waits stays behind these, as it does in `tokenizers`.
    for (const char byte : character) {
      FIRSTLIGHT_RETURN_IF_ERROR(symbols.Add(fallback_ids_[static_cast<uint8_t>(byte)]));
    }
    return absl::OkStatus();
  }
  if (unk_id_ == Vocabulary::kNoId) {
    return absl::OkStatus();
  }
  if (pending_unknown && !options_.fuse_unk) {
    FIRSTLIGHT_RETURN_IF_ERROR(symbols.Add(unk_id_));
  }
  pending_unknown = true;
  return absl::OkStatus();
}

size_t BpeModel::memory_bytes() const {
  return sizeof(*this) + vocabulary_.memory_bytes() + merges_.memory_bytes() +
         joints_.memory_bytes();
}

}  // namespace firstlight
