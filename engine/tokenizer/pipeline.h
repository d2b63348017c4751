#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_PIPELINE_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_PIPELINE_H_

// The Tokenizer that every format becomes: a text passes, in this order,
//   added tokens  →  normalizer  →  pre-tokenizer  →  model  →  post-processor
// and ids come back through the decoder. Each part is a class of its own; the files under formats/
// put them together.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "engine/tokenizer/added_tokens.h"
#include "engine/tokenizer/decoders/token_decoder.h"
#include "engine/tokenizer/models/token_model.h"
#include "engine/tokenizer/normalizers/normalizer.h"
#include "engine/tokenizer/post_processor.h"
#include "engine/tokenizer/pre_tokenizers/pre_tokenizer.h"
#include "engine/tokenizer/text/text_range.h"
#include "engine/tokenizer/tokenizer.h"
#include "loader/mapped_file.h"

namespace firstlight {

class PipelineTokenizer : public Tokenizer {
 public:
  struct Parts {
    // What the tables of the others lie in; null where they have memory of their own.
    std::shared_ptr<const MappedFile> image;
    std::unique_ptr<const AddedTokens> added_tokens;
    // Null: the text as it is.
    std::unique_ptr<const TextNormalizer> normalizer;
    // Null: the text in one piece.
    std::unique_ptr<const PreTokenizer> pre_tokenizer;
    std::unique_ptr<const TokenModel> model;
    PostProcessor post_processor;
    std::unique_ptr<const TokenDecoder> decoder;
    std::optional<int32_t> bos_id;
    std::optional<int32_t> eos_id;
    // Ids of the model's own vocabulary that are special though no added token says so.
    std::vector<int32_t> special_model_ids;
    // A text in front of which the normalizer puts something gets it only where the input starts,
    // and not again behind each added token (transformers' `legacy=false`): used where there is
    // no added token before the stretch, else `normalizer`. Null: always `normalizer`.
    std::unique_ptr<const TextNormalizer> normalizer_at_start;
  };

  // REQUIRES: added_tokens, model and decoder are given.
  explicit PipelineTokenizer(Parts parts);

  const Parts& parts() const { return parts_; }

  using Tokenizer::Encode;
  absl::StatusOr<std::vector<int32_t>> Encode(std::string_view text,
                                              const EncodeOptions& options) const override;
  int32_t vocab_size() const override { return vocab_size_; }
  bool HasToken(int32_t id) const override;
  std::string_view IdToToken(int32_t id) const override;
  std::optional<int32_t> TokenToId(std::string_view token) const override;
  std::string TokenBytes(int32_t id) const override;
  bool IsSpecial(int32_t id) const override;
  const std::vector<int32_t>& special_ids() const override { return special_ids_; }
  std::optional<int32_t> bos_id() const override { return parts_.bos_id; }
  std::optional<int32_t> eos_id() const override { return parts_.eos_id; }
  std::unique_ptr<DecodeStage> NewDecoding() const override;
  std::shared_ptr<const MappedFile> image() const override { return parts_.image; }
  size_t memory_bytes() const override;

 private:
  struct Encoding;

  // `forbidden`: where in the text no special token may come from.
  absl::Status EncodeStretch(std::string_view text, bool starts_input,
                             std::vector<TextRange> forbidden, Encoding& encoding) const;
  absl::Status EncodeNormalized(std::string_view text, bool starts_input,
                                absl::Span<const TextRange> forbidden, Encoding& encoding) const;
  absl::Status EncodePieces(std::string_view text, bool starts_input, Encoding& encoding) const;

  const Parts parts_;
  int32_t vocab_size_ = 0;
  std::vector<int32_t> special_ids_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_PIPELINE_H_
