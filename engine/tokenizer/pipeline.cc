#include "engine/tokenizer/pipeline.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "engine/tokenizer/normalizers/normalized_text.h"
#include "engine/tokenizer/text/cancellation.h"
#include "engine/tokenizer/text/utf8.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

// Positions in a text are 32 bits wide in the merging of symbols, and a normalizer may triple it.
constexpr size_t kMaxTextBytes = size_t{1} << 30;

// Those of `ranges` that are not empty.
absl::StatusOr<std::vector<TextRange>> CheckedRanges(absl::Span<const TextRange> ranges,
                                                     size_t text_bytes) {
  std::vector<TextRange> checked;
  checked.reserve(ranges.size());
  size_t end = 0;
  for (const TextRange& range : ranges) {
    if (range.begin < end || range.end < range.begin || range.end > text_bytes) {
      return absl::InvalidArgumentError(
          StrCat("forbidden_special_ranges: expected a range within [", end, ", ", text_bytes,
                 "), found [", range.begin, ", ", range.end, ")"));
    }
    end = range.end;
    if (range.begin < range.end) checked.push_back(range);
  }
  return checked;
}

}  // namespace

// One call of Encode.
struct PipelineTokenizer::Encoding {
  bool parse_special_tokens;
  EncodeCancellation cancellation;
  TokenizeScratch scratch = {};
  std::vector<int32_t> ids = {};
};

PipelineTokenizer::PipelineTokenizer(Parts parts) : parts_(std::move(parts)) {
  vocab_size_ = parts_.model->vocabulary().size();
  special_ids_ = parts_.special_model_ids;
  for (size_t i = 0; i < parts_.added_tokens->size(); ++i) {
    const AddedTokens::Token token = (*parts_.added_tokens)[i];
    vocab_size_ = std::max(vocab_size_, token.id + 1);
    if (token.special) {
      special_ids_.push_back(token.id);
    }
  }
  std::sort(special_ids_.begin(), special_ids_.end());
  special_ids_.erase(std::unique(special_ids_.begin(), special_ids_.end()), special_ids_.end());
}

absl::StatusOr<std::vector<int32_t>> PipelineTokenizer::Encode(std::string_view text,
                                                               const EncodeOptions& options) const {
  if (text.size() >= kMaxTextBytes) {
    return absl::InvalidArgumentError(
        StrCat("text: expected fewer than ", kMaxTextBytes, " bytes, found ", text.size()));
  }
  if (const size_t offset = FindInvalidUtf8(text); offset != std::string_view::npos) {
    return absl::InvalidArgumentError(
        StrCat("text: expected UTF-8, found an ill-formed sequence at byte ", offset));
  }
  Encoding encoding = {
      .parse_special_tokens = options.parse_special_tokens,
      .cancellation = EncodeCancellation(options.cancelled, WorkLimit(text.size()))};
  if (options.add_special_tokens) {
    encoding.ids = parts_.post_processor.prefix;
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::vector<TextRange> forbidden,
                              CheckedRanges(options.forbidden_special_ranges, text.size()));
  std::vector<AddedTokens::Stretch> stretches;
  FIRSTLIGHT_RETURN_IF_ERROR(
      parts_.added_tokens->Find(text,
                                {.normalized = false,
                                 .parse_special_tokens = options.parse_special_tokens,
                                 .forbidden_special_ranges = forbidden},
                                encoding.cancellation, stretches));
  for (const AddedTokens::Stretch& stretch : stretches) {
    if (stretch.token_id != AddedTokens::Stretch::kText) {
      encoding.ids.push_back(stretch.token_id);
      continue;
    }
    FIRSTLIGHT_RETURN_IF_ERROR(
        EncodeStretch(text.substr(stretch.range.begin, stretch.range.end - stretch.range.begin),
                      stretch.range.begin == 0, RangesWithin(forbidden, stretch.range), encoding));
  }
  if (options.add_special_tokens) {
    encoding.ids.insert(encoding.ids.end(), parts_.post_processor.suffix.begin(),
                        parts_.post_processor.suffix.end());
  }
  return std::move(encoding.ids);
}

absl::Status PipelineTokenizer::EncodeStretch(std::string_view text, bool starts_input,
                                              std::vector<TextRange> forbidden,
                                              Encoding& encoding) const {
  const TextNormalizer* const normalizer = starts_input && parts_.normalizer_at_start != nullptr
                                               ? parts_.normalizer_at_start.get()
                                               : parts_.normalizer.get();
  if (normalizer == nullptr) {
    return EncodeNormalized(text, starts_input, forbidden, encoding);
  }
  NormalizedText normalized(std::string(text), std::move(forbidden));
  FIRSTLIGHT_RETURN_IF_ERROR(normalizer->Normalize(normalized, encoding.cancellation));
  return EncodeNormalized(normalized.text(), starts_input, normalized.marked(), encoding);
}

absl::Status PipelineTokenizer::EncodeNormalized(std::string_view text, bool starts_input,
                                                 absl::Span<const TextRange> forbidden,
                                                 Encoding& encoding) const {
  std::vector<AddedTokens::Stretch> stretches;
  FIRSTLIGHT_RETURN_IF_ERROR(
      parts_.added_tokens->Find(text,
                                {.normalized = true,
                                 .parse_special_tokens = encoding.parse_special_tokens,
                                 .forbidden_special_ranges = forbidden},
                                encoding.cancellation, stretches));
  for (const AddedTokens::Stretch& stretch : stretches) {
    if (stretch.token_id != AddedTokens::Stretch::kText) {
      encoding.ids.push_back(stretch.token_id);
      continue;
    }
    const std::string_view part =
        text.substr(stretch.range.begin, stretch.range.end - stretch.range.begin);
    const bool part_starts_input = starts_input && stretch.range.begin == 0;
    const size_t first = encoding.ids.size();
    FIRSTLIGHT_RETURN_IF_ERROR(EncodePieces(part, part_starts_input, encoding));
    const bool may_be_special =
        std::any_of(encoding.ids.begin() + static_cast<ptrdiff_t>(first), encoding.ids.end(),
                    [this](int32_t id) { return IsSpecial(id); });
    if (may_be_special && !RangesWithin(forbidden, stretch.range).empty()) {
      // The vocabulary itself spells a special token as this text does, or the text has characters
      // that it does not know: once more without the former.
      encoding.ids.resize(first);
      encoding.scratch.forbidden_ids = special_ids_;
      FIRSTLIGHT_RETURN_IF_ERROR(EncodePieces(part, part_starts_input, encoding));
      encoding.scratch.forbidden_ids = {};
    }
  }
  return absl::OkStatus();
}

absl::Status PipelineTokenizer::EncodePieces(std::string_view text, bool starts_input,
                                             Encoding& encoding) const {
  if (parts_.pre_tokenizer == nullptr) {
    return parts_.model->Tokenize(text, encoding.cancellation, encoding.scratch, encoding.ids);
  }
  PreTokenizedText pieces(text, starts_input);
  FIRSTLIGHT_RETURN_IF_ERROR(parts_.pre_tokenizer->Split(pieces, encoding.cancellation));
  for (size_t i = 0; i < pieces.size(); ++i) {
    FIRSTLIGHT_RETURN_IF_ERROR(parts_.model->Tokenize(pieces.piece(i), encoding.cancellation,
                                                      encoding.scratch, encoding.ids));
  }
  return absl::OkStatus();
}

bool PipelineTokenizer::HasToken(int32_t id) const {
  return parts_.model->vocabulary().Has(id) || parts_.added_tokens->WithId(id).has_value();
}

std::string_view PipelineTokenizer::IdToToken(int32_t id) const {
  const std::optional<AddedTokens::Token> added = parts_.added_tokens->WithId(id);
  return added.has_value() ? added->spelling : parts_.model->vocabulary().Token(id);
}

std::optional<int32_t> PipelineTokenizer::TokenToId(std::string_view token) const {
  if (const auto added = parts_.added_tokens->WithContent(token); added.has_value()) {
    return added->id;
  }
  const int32_t id = parts_.model->vocabulary().Find(token);
  return id == Vocabulary::kNoId ? std::nullopt : std::optional<int32_t>(id);
}

std::string PipelineTokenizer::TokenBytes(int32_t id) const {
  std::string token(IdToToken(id));
  if (!IsSpecial(id)) {
    parts_.decoder->ToBytes(token);
  }
  return token;
}

bool PipelineTokenizer::IsSpecial(int32_t id) const {
  return std::binary_search(special_ids_.begin(), special_ids_.end(), id);
}

std::unique_ptr<DecodeStage> PipelineTokenizer::NewDecoding() const {
  return parts_.decoder->Start(/*next=*/nullptr, /*in_parts=*/false);
}

size_t PipelineTokenizer::memory_bytes() const {
  return sizeof(*this) + parts_.model->memory_bytes() + parts_.added_tokens->memory_bytes() +
         special_ids_.capacity() * sizeof(int32_t);
}

}  // namespace firstlight
