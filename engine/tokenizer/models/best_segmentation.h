#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_BEST_SEGMENTATION_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_BEST_SEGMENTATION_H_

// The segmentation of a text into pieces of the highest total score (Kudo,
// https://arxiv.org/abs/1804.10959), found by Viterbi: what both kinds of Unigram model do
// (EncodeOptimized of sentencepiece's src/unigram_model.cc, and its translation in
// tokenizers/src/models/unigram/model.rs).

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "engine/tokenizer/models/byte_trie.h"
#include "engine/tokenizer/text/cancellation.h"
#include "engine/tokenizer/text/utf8.h"
#include "loader/base/status_macros.h"

namespace firstlight {

class BestSegmentation {
 public:
  // kUnknown: one character that no piece covers alone.
  static constexpr int32_t kUnknown = -1;

  struct Segment {
    size_t begin = 0;
    size_t end = 0;
    int32_t id = kUnknown;
  };

  // Replaces segments(). Each key of `pieces`, none of them empty, is a candidate wherever it
  // begins, worth `piece_score(id, length)`, a double, unless `is_forbidden(id)`; so is a character
  // that is no candidate itself, worth `unknown_score`. Totals are kept as `Score`: ties depend on
  // its precision. Of equal ones the first counts. Errors: CANCELLED.
  template <typename Score, typename PieceScore, typename IsForbidden>
  absl::Status Run(std::string_view text, const ByteTrie& pieces, Score unknown_score,
                   const PieceScore& piece_score, const IsForbidden& is_forbidden,
                   EncodeCancellation& cancellation) {
    best_.assign(text.size() + 1, Best());
    for (size_t begin = 0; begin < text.size();) {
      const auto score_so_far = static_cast<Score>(best_[begin].score);
      const size_t character = std::min(Utf8Length(text[begin]), text.size() - begin);
      bool has_single_character = false;
      const auto offer = [&](size_t length, int32_t id, double score) {
        Best& target = best_[begin + length];
        if (target.begin == kNoBegin || score > target.score) {
          target = {
              .score = static_cast<Score>(score), .id = id, .begin = static_cast<uint32_t>(begin)};
        }
      };
      const size_t walked =
          pieces.ForEachPrefix(text.substr(begin), [&](size_t length, int32_t id) {
            if (is_forbidden(id)) return;
            offer(length, id, piece_score(id, length) + score_so_far);
            has_single_character = has_single_character || length == character;
          });
      if (!has_single_character) {
        offer(character, kUnknown, unknown_score + score_so_far);
      }
      begin += character;
      FIRSTLIGHT_RETURN_IF_ERROR(cancellation.Check(2 + walked));
    }
    segments_.clear();
    for (size_t end = text.size(); end > 0; end = best_[end].begin) {
      segments_.push_back({.begin = best_[end].begin, .end = end, .id = best_[end].id});
    }
    std::reverse(segments_.begin(), segments_.end());
    return cancellation.Check(segments_.size());
  }

  const std::vector<Segment>& segments() const { return segments_; }

 private:
  static constexpr uint32_t kNoBegin = 0xFFFFFFFF;

  // The best segmentation that ends at a byte: its score and its last piece.
  struct Best {
    double score = 0;
    int32_t id = kUnknown;
    uint32_t begin = kNoBegin;
  };

  std::vector<Best> best_;
  std::vector<Segment> segments_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_BEST_SEGMENTATION_H_
