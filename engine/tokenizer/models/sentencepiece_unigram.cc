#include "engine/tokenizer/models/sentencepiece_unigram.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "engine/tokenizer/image/component_tags.h"
#include "loader/base/status_macros.h"

namespace firstlight {
namespace {

// What an unknown character costs below the worst piece.
constexpr float kUnknownPenalty = 10.0F;

}  // namespace

SentencePieceUnigram::SentencePieceUnigram(std::shared_ptr<const SentencePiecePieces> pieces)
    : pieces_(std::move(pieces)) {
  std::vector<std::pair<std::string_view, int32_t>> entries;
  float min_score = std::numeric_limits<float>::max();
  float max_score = std::numeric_limits<float>::lowest();
  for (int32_t id = 0; id < pieces_->vocabulary.size(); ++id) {
    if (pieces_->IsText(id) && pieces_->kinds[id] != PieceKind::kUnused) {
      entries.emplace_back(pieces_->vocabulary.Token(id), id);
    }
    if (pieces_->kinds[id] == PieceKind::kNormal) {
      min_score = std::min(min_score, pieces_->scores[id]);
      max_score = std::max(max_score, pieces_->scores[id]);
    }
  }
  trie_ = ByteTrie(std::move(entries));
  unknown_score_ = min_score - kUnknownPenalty;
  max_score_ = max_score;
}

void SentencePieceUnigram::Save(ImageWriter& image) const {
  image.Write(ModelTag::kSentencePieceUnigram);
  image.WriteShared(pieces_);
  trie_.Save(image);
  image.Write(unknown_score_);
  image.Write(max_score_);
}

absl::StatusOr<std::unique_ptr<const SentencePieceUnigram>> SentencePieceUnigram::Load(
    ImageReader& image) {
  std::shared_ptr<const SentencePiecePieces> pieces = image.ReadShared<SentencePiecePieces>();
  FIRSTLIGHT_RETURN_IF_ERROR(image.status());
  ByteTrie trie = ByteTrie::Load(image, pieces->kinds.size());
  const auto unknown_score = image.Read<float>();
  const auto max_score = image.Read<float>();
  FIRSTLIGHT_RETURN_IF_ERROR(image.status());
  return std::unique_ptr<const SentencePieceUnigram>(
      new SentencePieceUnigram(std::move(pieces), std::move(trie), unknown_score, max_score));
}

absl::Status SentencePieceUnigram::Tokenize(std::string_view text, EncodeCancellation& cancellation,
                                            TokenizeScratch& scratch,
                                            std::vector<int32_t>& ids) const {
  FIRSTLIGHT_RETURN_IF_ERROR(scratch.segmentation.Run<float>(
      text, trie_, unknown_score_,
      [this](int32_t id, size_t length) { return PieceScore(id, length); },
      [&scratch](int32_t id) { return scratch.IsForbidden(id); }, cancellation));
  bool after_unknown = false;
  for (const BestSegmentation::Segment& segment : scratch.segmentation.segments()) {
    if (segment.id == BestSegmentation::kUnknown) {
      pieces_->AppendUnknown(text.substr(segment.begin, segment.end - segment.begin), after_unknown,
                             ids);
    } else {
      ids.push_back(segment.id);
      after_unknown = false;
    }
  }
  return absl::OkStatus();
}

size_t SentencePieceUnigram::memory_bytes() const {
  return sizeof(*this) + pieces_->memory_bytes() + trie_.memory_bytes();
}

}  // namespace firstlight
