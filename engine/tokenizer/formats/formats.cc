#include "engine/tokenizer/formats/formats.h"

#include <string>
#include <system_error>

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

absl::StatusOr<PipelineTokenizer::Parts> Read(TokenizerFormat format,
                                              const std::filesystem::path& directory) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const TokenizerConfig config, ReadTokenizerConfig(directory));
  switch (format) {
    case TokenizerFormat::kTokenizerJson:
      return ReadTokenizerJson(directory, config);
    case TokenizerFormat::kSentencePieceModel:
      return ReadSentencePieceModel(directory, config);
    case TokenizerFormat::kVocabAndMerges:
      return ReadVocabAndMerges(directory, config);
  }
  return absl::InternalError("tokenizer format out of range");
}

}  // namespace

absl::StatusOr<TokenizerFormat> FindTokenizerFormat(const std::filesystem::path& directory) {
  if (Exists(directory / "tokenizer.json")) return TokenizerFormat::kTokenizerJson;
  if (Exists(directory / "tokenizer.model")) return TokenizerFormat::kSentencePieceModel;
  if (Exists(directory / "vocab.json") && Exists(directory / "merges.txt")) {
    return TokenizerFormat::kVocabAndMerges;
  }
  return absl::NotFoundError(
      StrCat(directory.string(),
             ": no tokenizer: expected tokenizer.json, tokenizer.model, or vocab.json with "
             "merges.txt"));
}

std::vector<std::string_view> TokenizerFiles(TokenizerFormat format) {
  std::vector<std::string_view> files = {"tokenizer_config.json", "special_tokens_map.json",
                                         "added_tokens.json"};
  switch (format) {
    case TokenizerFormat::kTokenizerJson:
      files.emplace_back("tokenizer.json");
      break;
    case TokenizerFormat::kSentencePieceModel:
      files.emplace_back("tokenizer.model");
      break;
    case TokenizerFormat::kVocabAndMerges:
      // The model's type decides how text is split.
      files.insert(files.end(), {"vocab.json", "merges.txt", "config.json"});
      break;
  }
  return files;
}

absl::StatusOr<PipelineTokenizer::Parts> ReadTokenizerParts(
    const std::filesystem::path& directory) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const TokenizerFormat format, FindTokenizerFormat(directory));
  absl::StatusOr<PipelineTokenizer::Parts> parts = Read(format, directory);
  if (absl::IsNotFound(parts.status())) {
    // NOT_FOUND is for a checkpoint that has no tokenizer.
    return absl::FailedPreconditionError(parts.status().message());
  }
  return parts;
}

}  // namespace firstlight
