#include "engine/tokenizer/tokenizer_factory.h"

#include <string>
#include <string_view>
#include <utility>

#include "engine/tokenizer/formats/formats.h"
#include "engine/tokenizer/formats/tokenizer_config.h"
#include "engine/tokenizer/pipeline.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

// What is there but cannot be looked at, such as a link whose target is gone, is an error to be
// found by reading it, and not a tokenizer that the checkpoint does not have.
bool Exists(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::symlink_status(path, error).type() !=
         std::filesystem::file_type::not_found;
}

absl::StatusOr<PipelineTokenizer::Parts> ReadParts(const std::filesystem::path& directory) {
  const bool has_vocab = Exists(directory / "vocab.json") && Exists(directory / "merges.txt");
  const bool has_json = Exists(directory / "tokenizer.json");
  const bool has_model = Exists(directory / "tokenizer.model");
  if (!has_json && !has_model && !has_vocab) {
    return absl::NotFoundError(
        StrCat(directory.string(),
               ": no tokenizer: expected tokenizer.json, tokenizer.model, or vocab.json with "
               "merges.txt"));
  }
  const auto read = [&]() -> absl::StatusOr<PipelineTokenizer::Parts> {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const TokenizerConfig config, ReadTokenizerConfig(directory));
    if (has_json) {
      return ReadTokenizerJson(directory, config);
    }
    if (has_model) {
      return ReadSentencePieceModel(directory, config);
    }
    return ReadVocabAndMerges(directory, config);
  };
  absl::StatusOr<PipelineTokenizer::Parts> parts = read();
  if (absl::IsNotFound(parts.status())) {
    // NOT_FOUND is for a checkpoint that has no tokenizer.
    return absl::FailedPreconditionError(parts.status().message());
  }
  return parts;
}

}  // namespace

absl::StatusOr<std::unique_ptr<const Tokenizer>> OpenTokenizer(
    const std::filesystem::path& directory) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(PipelineTokenizer::Parts parts, ReadParts(directory));
  return std::make_unique<PipelineTokenizer>(std::move(parts));
}

}  // namespace firstlight
