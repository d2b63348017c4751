#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/tokenizer/formats/formats.h"
#include "engine/tokenizer/formats/sentencepiece_library.h"
#include "engine/tokenizer/formats/sentencepiece_proto.h"
#include "engine/tokenizer/models/sentencepiece_bpe.h"
#include "engine/tokenizer/models/sentencepiece_unigram.h"
#include "engine/tokenizer/normalizers/sentencepiece_normalizer.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"
#include "loader/file.h"

namespace firstlight {
namespace {

constexpr int64_t kMaxModelBytes = int64_t{64} << 20;
// Every leading space, where the normalizer would not have left one.
constexpr size_t kStripAll = size_t{1} << 30;

struct LoadedModel {
  SentencePieceProto proto;
  std::vector<float> scores;
  int32_t bos_id = SentencePieceLibrary::kNone;
  int32_t eos_id = SentencePieceLibrary::kNone;
};

// `bytes` must outlive the result.
absl::StatusOr<LoadedModel> Load(std::string_view bytes) {
  LoadedModel model;
  FIRSTLIGHT_ASSIGN_OR_RETURN(model.proto, ParseSentencePieceProto(bytes));
  if (model.proto.treat_whitespace_as_suffix) {
    return absl::UnimplementedError("treat_whitespace_as_suffix is not implemented");
  }
  std::string error;
  const std::unique_ptr<const SentencePieceLibrary> library =
      SentencePieceLibrary::Load(bytes, error);
  if (library == nullptr) {
    return absl::InvalidArgumentError(StrCat("sentencepiece refuses it: ", error));
  }
  if (library->size() != static_cast<int32_t>(model.proto.pieces.size())) {
    return absl::InvalidArgumentError(
        StrCat("expected ", library->size(), " pieces, found ", model.proto.pieces.size()));
  }
  for (int32_t id = 0; id < library->size(); ++id) {
    const float score = library->Score(id);
    if (!std::isfinite(score)) {
      return absl::InvalidArgumentError(
          StrCat("piece ", id, ": expected a finite score, found ", score));
    }
    model.scores.push_back(score);
  }
  model.bos_id = library->bos_id();
  model.eos_id = library->eos_id();
  return model;
}

absl::StatusOr<std::unique_ptr<const TokenModel>> MakeModel(
    const SentencePieceProto& proto, std::shared_ptr<const SentencePiecePieces> pieces) {
  switch (proto.model_type) {
    case SentencePieceProto::ModelType::kBpe:
      return std::make_unique<SentencePieceBpe>(std::move(pieces));
    case SentencePieceProto::ModelType::kUnigram:
      return std::make_unique<SentencePieceUnigram>(std::move(pieces));
    case SentencePieceProto::ModelType::kWord:
      return absl::UnimplementedError("model_type \"WORD\" is not implemented");
    case SentencePieceProto::ModelType::kChar:
      return absl::UnimplementedError("model_type \"CHAR\" is not implemented");
  }
  return absl::InternalError("model_type out of range");
}

std::unique_ptr<const TokenDecoder> MakeDecoder(const SentencePieceProto& proto) {
  std::vector<std::unique_ptr<const TokenDecoder>> decoders;
  decoders.push_back(ReplaceDecoder(TextPattern::Literal("\xE2\x96\x81"), " ",
                                    /*single_character=*/true));
  decoders.push_back(ByteFallbackDecoder(InvalidBytes::kReplaceByte));
  decoders.push_back(FuseDecoder());
  if (proto.remove_extra_whitespaces) {
    decoders.push_back(StripDecoder(" ", kStripAll, 0));
  } else if (proto.add_dummy_prefix) {
    decoders.push_back(StripDecoder(" ", 1, 0));
  }
  return SequenceDecoder(std::move(decoders));
}

// The model's own control pieces are text in a text, as for the library. transformers makes special
// tokens of them, so where its configuration lies beside the model they are.
std::vector<AddedToken> ControlTokens(const SentencePieceProto& proto) {
  std::vector<AddedToken> tokens;
  for (size_t id = 0; id < proto.pieces.size(); ++id) {
    if (proto.pieces[id].kind == PieceKind::kControl) {
      tokens.push_back({.id = static_cast<int64_t>(id),
                        .content = std::string(proto.pieces[id].text),
                        .normalized = false,
                        .special = true});
    }
  }
  return tokens;
}

void SetNormalizers(const LoadedModel& model, const TokenizerConfig& config,
                    const std::shared_ptr<const PrecompiledCharsmap>& charsmap,
                    const std::shared_ptr<const SentencePiecePieces>& pieces,
                    PipelineTokenizer::Parts& parts) {
  SentencePieceNormalizerOptions options = {
      .add_dummy_prefix = config.add_prefix_space.value_or(true) && model.proto.add_dummy_prefix,
      .remove_extra_whitespaces = model.proto.remove_extra_whitespaces,
      .escape_whitespaces = model.proto.escape_whitespaces};
  if (options.add_dummy_prefix && !config.legacy.value_or(false)) {
    parts.normalizer_at_start = SentencePieceNormalizer(options, charsmap, pieces);
    options.add_dummy_prefix = false;
  }
  parts.normalizer = SentencePieceNormalizer(options, charsmap, pieces);
}

absl::StatusOr<PipelineTokenizer::Parts> MakeParts(const LoadedModel& model,
                                                   const TokenizerConfig& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(SentencePiecePieces created,
                              SentencePiecePieces::Create(model.proto, model.scores));
  const auto pieces = std::make_shared<const SentencePiecePieces>(std::move(created));
  FIRSTLIGHT_ASSIGN_OR_RETURN(PrecompiledCharsmap created_charsmap,
                              PrecompiledCharsmap::Create(model.proto.precompiled_charsmap));
  const auto charsmap = std::make_shared<const PrecompiledCharsmap>(std::move(created_charsmap));
  PipelineTokenizer::Parts parts;
  SetNormalizers(model, config, charsmap, pieces, parts);
  FIRSTLIGHT_ASSIGN_OR_RETURN(parts.model, MakeModel(model.proto, pieces));
  parts.decoder = MakeDecoder(model.proto);
  std::vector<AddedToken> added_tokens;
  if (config.present) {
    added_tokens = ControlTokens(model.proto);
  }
  for (int32_t id = 0; id < pieces->vocabulary.size(); ++id) {
    if (pieces->kinds[id] == PieceKind::kControl || pieces->kinds[id] == PieceKind::kUnknown) {
      parts.special_model_ids.push_back(id);
    }
  }
  const auto from_model = [](int32_t id) {
    return id == SentencePieceLibrary::kNone ? std::nullopt : std::optional<int32_t>(id);
  };
  FIRSTLIGHT_RETURN_IF_ERROR(SetTokens(config, std::move(added_tokens),
                                       {.add_bos_token = true,
                                        .bos_id = from_model(model.bos_id),
                                        .eos_id = from_model(model.eos_id)},
                                       parts));
  return parts;
}

}  // namespace

absl::StatusOr<PipelineTokenizer::Parts> ReadSentencePieceModel(
    const std::filesystem::path& directory, const TokenizerConfig& config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string bytes,
                              ReadFile(directory / "tokenizer.model", kMaxModelBytes));
  const auto in_file = [](const absl::Status& status) {
    return absl::Status(status.code(), StrCat("tokenizer.model: ", ToStd(status.message())));
  };
  absl::StatusOr<LoadedModel> model = Load(bytes);
  if (!model.ok()) {
    return in_file(model.status());
  }
  absl::StatusOr<PipelineTokenizer::Parts> parts = MakeParts(*model, config);
  if (!parts.ok()) {
    return in_file(parts.status());
  }
  return parts;
}

}  // namespace firstlight
