#include "engine/tokenizer/models/sentencepiece_unigram.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "engine/tokenizer/image/component_tags.h"
#include "engine/tokenizer/text/utf8.h"
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
  // The best segmentation that ends at each byte: its score and its last piece.
  struct Best {
    int32_t id = Vocabulary::kNoId;
    float score = 0;
    int32_t begin = -1;
  };
  std::vector<Best> best(text.size() + 1);
  for (size_t begin = 0; begin < text.size();) {
    FIRSTLIGHT_RETURN_IF_ERROR(cancellation.Check(4));
    const float score_so_far = best[begin].score;
    const size_t character = std::min(Utf8Length(text[begin]), text.size() - begin);
    bool has_single_character = false;
    const auto offer = [&](size_t length, int32_t id, double score) {
      Best& target = best[begin + length];
      if (target.begin == -1 || score > target.score) {
        target = {
            .id = id, .score = static_cast<float>(score), .begin = static_cast<int32_t>(begin)};
      }
    };
    trie_.ForEachPrefix(text.substr(begin), [&](size_t length, int32_t id) {
      if (scratch.IsForbidden(id)) return;
      offer(length, id, PieceScore(id, length) + score_so_far);
      has_single_character = has_single_character || length == character;
    });
    if (!has_single_character) {
      offer(character, Vocabulary::kNoId, unknown_score_ + score_so_far);
    }
    begin += character;
  }
  std::vector<std::pair<size_t, size_t>> segments;
  for (size_t end = text.size(); end > 0; end = static_cast<size_t>(best[end].begin)) {
    segments.emplace_back(static_cast<size_t>(best[end].begin), end);
    FIRSTLIGHT_RETURN_IF_ERROR(cancellation.Check(1));
  }
  bool after_unknown = false;
  for (auto segment = segments.rbegin(); segment != segments.rend(); ++segment) {
    const auto [begin, end] = *segment;
    if (best[end].id == Vocabulary::kNoId) {
      pieces_->AppendUnknown(text.substr(begin, end - begin), after_unknown, ids);
    } else {
      ids.push_back(best[end].id);
      after_unknown = false;
    }
  }
  return absl::OkStatus();
}

size_t SentencePieceUnigram::memory_bytes() const {
  return sizeof(*this) + pieces_->memory_bytes() + trie_.memory_bytes();
}

}  // namespace firstlight
