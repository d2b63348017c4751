#include "engine/tokenizer/models/unigram.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "engine/tokenizer/image/component_tags.h"
#include "engine/tokenizer/models/byte_tokens.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

// What an unknown character costs below the worst piece.
constexpr double kUnknownPenalty = 10.0;

}  // namespace

absl::StatusOr<std::unique_ptr<const UnigramModel>> UnigramModel::Create(Vocabulary vocabulary,
                                                                         std::vector<double> scores,
                                                                         Options options) {
  if (options.unk_id != Vocabulary::kNoId && !vocabulary.Has(options.unk_id)) {
    return absl::InvalidArgumentError(
        StrCat("unk_id: expected an id of vocab, found ", options.unk_id));
  }
  std::vector<std::pair<std::string_view, int32_t>> entries;
  for (int32_t id = 0; id < vocabulary.size(); ++id) {
    if (const std::string_view token = vocabulary.Token(id); !token.empty()) {
      entries.emplace_back(token, id);
    }
  }
  ByteTrie trie(std::move(entries));
  return std::unique_ptr<const UnigramModel>(new UnigramModel(
      std::move(vocabulary), Table<double>(std::move(scores)), std::move(trie), options));
}

UnigramModel::UnigramModel(Vocabulary vocabulary, Table<double> scores, ByteTrie trie,
                           Options options)
    : vocabulary_(std::move(vocabulary)),
      scores_(std::move(scores)),
      trie_(std::move(trie)),
      options_(options),
      fallback_ids_(FindByteTokens(vocabulary_)) {
  double lowest = std::numeric_limits<double>::infinity();
  for (const double score : scores_.elements()) {
    lowest = std::min(lowest, score);
  }
  unknown_score_ = lowest - kUnknownPenalty;
}

void UnigramModel::Save(ImageWriter& image) const {
  image.Write(ModelTag::kUnigram);
  vocabulary_.Save(image);
  image.Write(scores_);
  trie_.Save(image);
  image.Write(options_.unk_id);
  image.Write(options_.byte_fallback);
}

absl::StatusOr<std::unique_ptr<const UnigramModel>> UnigramModel::Load(ImageReader& image) {
  Vocabulary vocabulary = Vocabulary::Load(image);
  Table<double> scores = image.ReadTable<double>();
  ByteTrie trie = ByteTrie::Load(image, scores.size());
  Options options;
  options.unk_id = image.Read<int32_t>();
  options.byte_fallback = image.ReadBool();
  if (scores.size() != static_cast<size_t>(vocabulary.size()) ||
      (options.unk_id != Vocabulary::kNoId && !vocabulary.Has(options.unk_id))) {
    image.Fail("a Unigram model");
  }
  FIRSTLIGHT_RETURN_IF_ERROR(image.status());
  return std::unique_ptr<const UnigramModel>(
      new UnigramModel(std::move(vocabulary), std::move(scores), std::move(trie), options));
}

bool UnigramModel::IsUnknown(int32_t id) const {
  return id == BestSegmentation::kUnknown || id == options_.unk_id;
}

absl::Status UnigramModel::Tokenize(std::string_view piece, EncodeCancellation& cancellation,
                                    TokenizeScratch& scratch, std::vector<int32_t>& ids) const {
  FIRSTLIGHT_RETURN_IF_ERROR(scratch.segmentation.Run<double>(
      piece, trie_, unknown_score_, [this](int32_t id, size_t /*length*/) { return scores_[id]; },
      [&scratch](int32_t id) { return scratch.IsForbidden(id); }, cancellation));
  const std::vector<BestSegmentation::Segment>& segments = scratch.segmentation.segments();
  for (size_t i = 0; i < segments.size(); ++i) {
    if (!IsUnknown(segments[i].id)) {
      ids.push_back(segments[i].id);
      continue;
    }
    const size_t begin = segments[i].begin;
    while (i + 1 < segments.size() && IsUnknown(segments[i + 1].id)) {
      ++i;
    }
    FIRSTLIGHT_RETURN_IF_ERROR(
        AppendUnknown(piece.substr(begin, segments[i].end - begin), scratch, ids));
  }
  return absl::OkStatus();
}

absl::Status UnigramModel::AppendUnknown(std::string_view text, const TokenizeScratch& scratch,
                                         std::vector<int32_t>& ids) const {
  if (options_.unk_id == Vocabulary::kNoId) {
    return absl::InvalidArgumentError(StrCat("text: the tokenizer has no token for ", Quoted(text),
                                             ", and none for what is unknown"));
  }
  // Unknown characters side by side may be a token that costs more than they do.
  const int32_t whole =
      text.size() <= vocabulary_.longest() ? vocabulary_.Find(text) : Vocabulary::kNoId;
  if (whole != Vocabulary::kNoId && !scratch.IsForbidden(whole)) {
    ids.push_back(whole);
  } else if (!options_.byte_fallback || !AppendByteTokens(text, fallback_ids_, ids)) {
    ids.push_back(options_.unk_id);
  }
  return absl::OkStatus();
}

size_t UnigramModel::memory_bytes() const {
  return sizeof(*this) + vocabulary_.memory_bytes() + scores_.memory_bytes() + trie_.memory_bytes();
}

}  // namespace firstlight
