#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_FORMATS_FORMATS_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_FORMATS_FORMATS_H_

// The formats in which a checkpoint holds its tokenizer. Each function reads the files of one
// format in `directory` and puts the parts of the tokenizer together. Errors as OpenTokenizer
// (tokenizer_factory.h).

#include <filesystem>

#include "absl/status/statusor.h"
#include "engine/tokenizer/formats/tokenizer_config.h"
#include "engine/tokenizer/pipeline.h"

namespace firstlight {

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
