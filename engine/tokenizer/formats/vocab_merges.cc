#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/tokenizer/formats/formats.h"
#include "engine/tokenizer/formats/model_json.h"
#include "engine/tokenizer/models/bpe.h"
#include "engine/tokenizer/normalizers/unicode_form.h"
#include "engine/tokenizer/pre_tokenizers/split.h"
#include "engine/tokenizer/text/utf8.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"
#include "loader/checkpoint.h"
#include "loader/file.h"
#include "loader/json.h"

namespace firstlight {
namespace {

constexpr int64_t kMaxMergesBytes = int64_t{64} << 20;

// Qwen2's (transformers/models/qwen2/tokenization_qwen2.py).
constexpr std::string_view kQwen2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

enum class Family { kGpt2, kQwen2 };

// These files do not say how text is split: the tokenizer's class does, or else the model's type.
absl::StatusOr<Family> FindFamily(const std::filesystem::path& directory,
                                  const TokenizerConfig& config) {
  const std::string& tokenizer_class = config.tokenizer_class;
  if (tokenizer_class == "GPT2Tokenizer" || tokenizer_class == "CodeGenTokenizer") {
    return Family::kGpt2;
  }
  if (tokenizer_class == "Qwen2Tokenizer") {
    return Family::kQwen2;
  }
  if (!tokenizer_class.empty()) {
    return absl::UnimplementedError(StrCat("tokenizer_config.json: tokenizer_class ",
                                           Quoted(tokenizer_class),
                                           " is not implemented for vocab.json with merges.txt"));
  }
  absl::StatusOr<std::unique_ptr<const JsonDocument>> model_config =
      JsonDocument::ReadFile(directory / "config.json", kModelConfigJson);
  if (absl::IsNotFound(model_config.status())) {
    return Family::kGpt2;
  }
  FIRSTLIGHT_RETURN_IF_ERROR(model_config.status());
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view model_type,
                              (*model_config)->root().GetString("model_type", ""));
  return model_type.starts_with("qwen2") || model_type.starts_with("qwen3") ? Family::kQwen2
                                                                            : Family::kGpt2;
}

// One merge a line, two tokens and a space; a first line "#version: …" says nothing.
absl::StatusOr<std::vector<BpeModel::MergePair>> ParseMerges(std::string_view text) {
  if (const size_t offset = FindInvalidUtf8(text); offset != std::string_view::npos) {
    return absl::InvalidArgumentError(StrCat("merges.txt: not valid UTF-8 at byte ", offset));
  }
  std::vector<BpeModel::MergePair> merges;
  for (size_t line_number = 1; !text.empty(); ++line_number) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) {
      line.remove_suffix(1);
    }
    if (line.empty() || (line_number == 1 && line.starts_with("#version"))) {
      continue;
    }
    const std::optional<BpeModel::MergePair> merge = SplitMerge(line);
    if (!merge.has_value()) {
      return absl::InvalidArgumentError(
          StrCat("merges.txt: line ", line_number,
                 ": expected two tokens and a space between them, found ", Quoted(line)));
    }
    merges.push_back(*merge);
  }
  return merges;
}

absl::Status SetSplitting(Family family, bool add_prefix_space, PipelineTokenizer::Parts& parts) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(std::unique_ptr<const PreTokenizer> byte_level,
                              ByteLevelPreTokenizer({.add_prefix_space = add_prefix_space,
                                                     .use_regex = family == Family::kGpt2,
                                                     .spell = false}));
  if (family == Family::kGpt2) {
    parts.pre_tokenizer = std::move(byte_level);
    return absl::OkStatus();
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(std::unique_ptr<const TextPattern> pattern,
                              TextPattern::Regex(kQwen2Pattern));
  std::vector<std::unique_ptr<const PreTokenizer>> sequence;
  sequence.push_back(
      SplitPreTokenizer(std::move(pattern), SplitBehavior::kIsolated, /*invert=*/false));
  sequence.push_back(std::move(byte_level));
  parts.pre_tokenizer = SequencePreTokenizer(std::move(sequence));
  parts.normalizer = UnicodeFormNormalizer({.compatibility = false, .compose = true});
  return absl::OkStatus();
}

// The tokens that the classes have where the files beside the vocabulary are silent.
void AddDefaults(Family family, TokenizerConfig& config) {
  constexpr std::string_view kEndOfText = "<|endoftext|>";
  if (!config.eos_token.has_value()) {
    config.eos_token = kEndOfText;
    config.special_tokens.emplace_back(kEndOfText);
  }
  if (family == Family::kGpt2 && !config.bos_token.has_value()) {
    config.bos_token = kEndOfText;
    config.special_tokens.emplace_back(kEndOfText);
  }
}

}  // namespace

absl::StatusOr<PipelineTokenizer::Parts> ReadVocabAndMerges(const std::filesystem::path& directory,
                                                            const TokenizerConfig& given_config) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const Family family, FindFamily(directory, given_config));
  TokenizerConfig config = given_config;
  AddDefaults(family, config);
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::unique_ptr<const JsonDocument> vocab_file,
                              JsonDocument::ReadFile(directory / "vocab.json"));
  FIRSTLIGHT_ASSIGN_OR_RETURN(Vocabulary vocabulary, VocabularyFromJson(vocab_file->root()));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string merges_text,
                              ReadFile(directory / "merges.txt", kMaxMergesBytes));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::vector<BpeModel::MergePair> merges,
                              ParseMerges(merges_text));
  PipelineTokenizer::Parts parts;
  FIRSTLIGHT_RETURN_IF_ERROR(SetSplitting(family, config.add_prefix_space.value_or(false), parts));
  absl::StatusOr<std::unique_ptr<const BpeModel>> model =
      BpeModel::Create(std::move(vocabulary), merges, {.byte_level = true});
  if (!model.ok()) {
    return absl::Status(model.status().code(),
                        StrCat("merges.txt: ", ToStd(model.status().message())));
  }
  parts.model = *std::move(model);
  parts.decoder = ByteLevelDecoder();
  FIRSTLIGHT_RETURN_IF_ERROR(SetTokens(config, /*tokens=*/{}, TokensAround(), parts));
  return parts;
}

}  // namespace firstlight
