#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_FORMATS_FORMATS_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_FORMATS_FORMATS_H_

// The formats in which a checkpoint holds its tokenizer. Each Read function reads the files of one
// format in `directory` and puts the parts of the tokenizer together. Errors as OpenTokenizer
// (tokenizer_factory.h).

#include <filesystem>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/tokenizer/formats/tokenizer_config.h"
#include "engine/tokenizer/pipeline.h"

namespace firstlight {

// In order of preference where a checkpoint has several.
enum class TokenizerFormat { kTokenizerJson, kSentencePieceModel, kVocabAndMerges };

// NOT_FOUND when the directory has none.
absl::StatusOr<TokenizerFormat> FindTokenizerFormat(const std::filesystem::path& directory);

// Every file that is read for a tokenizer of that format, those that may be missing included. What
// they hold decides the tokenizer, and nothing else does.
std::vector<std::string_view> TokenizerFiles(TokenizerFormat format);

// The parts of the tokenizer of `directory`, from its files.
absl::StatusOr<PipelineTokenizer::Parts> ReadTokenizerParts(const std::filesystem::path& directory);

// tokenizer.json, of the `tokenizers` package.
absl::StatusOr<PipelineTokenizer::Parts> ReadTokenizerJson(const std::filesystem::path& directory,
                                                           const TokenizerConfig& config);

// tokenizer.model, of sentencepiece.
absl::StatusOr<PipelineTokenizer::Parts> ReadSentencePieceModel(
    const std::filesystem::path& directory, const TokenizerConfig& config);

// vocab.json with merges.txt, of GPT-2 and those that followed it.
absl::StatusOr<PipelineTokenizer::Parts> ReadVocabAndMerges(const std::filesystem::path& directory,
                                                            const TokenizerConfig& config);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_FORMATS_FORMATS_H_
