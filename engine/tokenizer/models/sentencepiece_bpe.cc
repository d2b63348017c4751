#include "engine/tokenizer/models/sentencepiece_bpe.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "engine/tokenizer/image/component_tags.h"
#include "engine/tokenizer/text/utf8.h"
#include "loader/base/status_macros.h"

namespace firstlight {

SentencePieceBpe::SentencePieceBpe(std::shared_ptr<const SentencePiecePieces> pieces)
    : pieces_(std::move(pieces)) {
  const absl::Span<const float> scores = pieces_->scores.elements();
  std::vector<uint32_t> ranks(scores.size());
  std::vector<int32_t> by_score(scores.size());
  std::iota(by_score.begin(), by_score.end(), 0);
  std::sort(by_score.begin(), by_score.end(),
            [&](int32_t a, int32_t b) { return scores[a] > scores[b]; });
  uint32_t rank = 0;
  for (size_t i = 0; i < by_score.size(); ++i) {
    if (i > 0 && scores[by_score[i]] != scores[by_score[i - 1]]) {
      ++rank;
    }
    ranks[by_score[i]] = rank;
  }
  ranks_ = Table<uint32_t>(std::move(ranks));
}

void SentencePieceBpe::Save(ImageWriter& image) const {
  image.Write(ModelTag::kSentencePieceBpe);
  image.WriteShared(pieces_);
  image.Write(ranks_);
}

absl::StatusOr<std::unique_ptr<const SentencePieceBpe>> SentencePieceBpe::Load(ImageReader& image) {
  std::shared_ptr<const SentencePiecePieces> pieces = image.ReadShared<SentencePiecePieces>();
  Table<uint32_t> ranks = image.ReadTable<uint32_t>();
  if (pieces != nullptr && ranks.size() != pieces->kinds.size()) {
    image.Fail("a rank for each piece");
  }
  FIRSTLIGHT_RETURN_IF_ERROR(image.status());
  return std::unique_ptr<const SentencePieceBpe>(
      new SentencePieceBpe(std::move(pieces), std::move(ranks)));
}

absl::Status SentencePieceBpe::Tokenize(std::string_view text, EncodeCancellation& cancellation,
                                        TokenizeScratch& scratch, std::vector<int32_t>& ids) const {
  const Vocabulary& vocabulary = pieces_->vocabulary;
  SymbolMerging& merging = scratch.merging;
  std::vector<uint32_t>& begins = scratch.begins;
  merging.Clear();
  begins.clear();
  for (size_t position = 0; position < text.size();) {
    FIRSTLIGHT_RETURN_IF_ERROR(cancellation.Check(1));
    size_t length = Utf8Length(text[position]);
    int32_t id = Vocabulary::kNoId;
    pieces_->user_defined.ForEachPrefix(text.substr(position), [&](size_t bytes, int32_t piece) {
      if (scratch.IsForbidden(piece)) return;
      length = bytes;
      id = piece;
    });
    if (id == Vocabulary::kNoId) {
      id = vocabulary.Find(text.substr(position, length));
      if (scratch.IsForbidden(id)) id = Vocabulary::kNoId;
    }
    merging.Add(id);
    begins.push_back(static_cast<uint32_t>(position));
    position += length;
  }
  const auto symbol_text = [&](int32_t first, int32_t last) {
    const int32_t next = merging[last].next;
    const size_t end = next == SymbolMerging::kNone ? text.size() : begins[next];
    return text.substr(begins[first], end - begins[first]);
  };
  const auto frozen = [&](int32_t symbol) {
    const int32_t id = merging[symbol].id;
    return id != Vocabulary::kNoId && pieces_->kinds[id] == PieceKind::kUserDefined;
  };
  UnusedSplits unused;
  FIRSTLIGHT_RETURN_IF_ERROR(merging.Run(
      [&](int32_t left, int32_t right) {
        const std::string_view merged = symbol_text(left, right);
        if (merged.size() > vocabulary.longest() || frozen(left) || frozen(right)) {
          return Merge();
        }
        const int32_t id = vocabulary.Find(merged);
        if (id == Vocabulary::kNoId || !pieces_->IsText(id) || scratch.IsForbidden(id)) {
          return Merge();
        }
        if (pieces_->kinds[id] == PieceKind::kUnused) {
          unused[merged] = begins[right] - begins[left];
        }
        return Merge{.rank = ranks_[id], .id = id};
      },
      cancellation));
  bool after_unknown = false;
  for (int32_t i = text.empty() ? SymbolMerging::kNone : 0; i != SymbolMerging::kNone;
       i = merging[i].next) {
    AppendPiece(symbol_text(i, i), merging[i].id, unused, after_unknown, ids);
    FIRSTLIGHT_RETURN_IF_ERROR(cancellation.Check(1));
  }
  return absl::OkStatus();
}

void SentencePieceBpe::AppendPiece(std::string_view piece, int32_t id, const UnusedSplits& unused,
                                   bool& after_unknown, std::vector<int32_t>& ids) const {
  // An unused piece is taken apart again, the way it was put together.
  std::vector<std::pair<std::string_view, int32_t>> stack = {{piece, id}};
  while (!stack.empty()) {
    const auto [text, text_id] = stack.back();
    stack.pop_back();
    if (text_id != Vocabulary::kNoId && pieces_->kinds[text_id] == PieceKind::kUnused) {
      if (const auto split = unused.find(text); split != unused.end()) {
        const std::string_view right = text.substr(split->second);
        const std::string_view left = text.substr(0, split->second);
        stack.emplace_back(right, pieces_->vocabulary.Find(right));
        stack.emplace_back(left, pieces_->vocabulary.Find(left));
        continue;
      }
    }
    if (text_id == Vocabulary::kNoId) {
      pieces_->AppendUnknown(text, after_unknown, ids);
    } else {
      ids.push_back(text_id);
      after_unknown = false;
    }
  }
}

size_t SentencePieceBpe::memory_bytes() const {
  return sizeof(*this) + pieces_->memory_bytes() + ranks_.memory_bytes();
}

}  // namespace firstlight
