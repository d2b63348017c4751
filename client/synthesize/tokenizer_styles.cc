#include "client/synthesize/tokenizer_styles.h"

#include "loader/base/strings.h"

namespace firstlight {
namespace {

constexpr std::string_view kUnlimitedLength = "1000000000000000019884624838656";

constexpr std::string_view kByteLevelOptions = R"("dropout": null,
    "unk_token": null,
    "continuing_subword_prefix": null,
    "end_of_word_suffix": null,
    "fuse_unk": false,
    "byte_fallback": false,
    "ignore_merges": true)";

constexpr std::string_view kGpt2Options = R"("dropout": null,
    "unk_token": null,
    "continuing_subword_prefix": null,
    "end_of_word_suffix": null,
    "fuse_unk": false,
    "byte_fallback": false)";

constexpr std::string_view kByteFallbackOptions = R"("dropout": null,
    "unk_token": "<unk>",
    "continuing_subword_prefix": null,
    "end_of_word_suffix": null,
    "fuse_unk": true,
    "byte_fallback": true,
    "ignore_merges": false)";

constexpr std::string_view kByteLevelDecoder =
    R"({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true})";

constexpr std::string_view kMetaspaceDecoder = R"({"type": "Sequence", "decoders": [
    {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
    {"type": "ByteFallback"},
    {"type": "Fuse"},
    {"type": "Strip", "content": " ", "start": 1, "stop": 0}
  ]})";

constexpr std::string_view kLlama3PreTokenizer = R"json({"type": "Sequence", "pretokenizers": [
    {"type": "Split", "pattern": {"Regex": "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}, "behavior": "Isolated", "invert": false},
    {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}
  ]})json";

constexpr std::string_view kLlama3PostProcessor = R"({"type": "Sequence", "processors": [
    {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true},
    {"type": "TemplateProcessing",
     "single": [{"SpecialToken": {"id": "<|begin_of_text|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
     "pair": [{"SpecialToken": {"id": "<|begin_of_text|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "<|begin_of_text|>", "type_id": 1}}, {"Sequence": {"id": "B", "type_id": 1}}],
     "special_tokens": {"<|begin_of_text|>": {"id": "<|begin_of_text|>", "ids": [128000], "tokens": ["<|begin_of_text|>"]}}}
  ]})";

constexpr std::string_view kLlama2PostProcessor = R"({"type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
    "pair": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "<s>", "type_id": 1}}, {"Sequence": {"id": "B", "type_id": 1}}],
    "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}
  })";

constexpr std::string_view kLlama2Normalizer = R"({"type": "Sequence", "normalizers": [
    {"type": "Prepend", "prepend": "▁"},
    {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
  ]})";

constexpr std::string_view kMistralPreTokenizer =
    R"({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": false})";

constexpr std::string_view kSmolLm2PreTokenizer = R"({"type": "Sequence", "pretokenizers": [
    {"type": "Digits", "individual_digits": true},
    {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}
  ]})";

void AppendReserved(int first, int last, std::vector<std::string>* tokens) {
  for (int i = first; i <= last; ++i) {
    tokens->push_back(StrCat("<|reserved_special_token_", i, "|>"));
  }
}

std::vector<std::string> Llama3SpecialTokens() {
  std::vector<std::string> tokens = {"<|begin_of_text|>", "<|end_of_text|>"};
  AppendReserved(0, 3, &tokens);
  tokens.insert(tokens.end(), {"<|start_header_id|>", "<|end_header_id|>"});
  AppendReserved(4, 4, &tokens);
  tokens.emplace_back("<|eot_id|>");
  AppendReserved(5, 250, &tokens);
  return tokens;
}

std::vector<std::string> Llama31SpecialTokens() {
  std::vector<std::string> tokens = {"<|begin_of_text|>", "<|end_of_text|>"};
  AppendReserved(0, 1, &tokens);
  tokens.emplace_back("<|finetune_right_pad_id|>");
  AppendReserved(2, 2, &tokens);
  tokens.insert(tokens.end(), {"<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>",
                               "<|eot_id|>", "<|python_tag|>"});
  AppendReserved(3, 247, &tokens);
  return tokens;
}

std::vector<std::string> MistralV3SpecialTokens() {
  std::vector<std::string> tokens = {"<unk>",
                                     "<s>",
                                     "</s>",
                                     "[INST]",
                                     "[/INST]",
                                     "[TOOL_CALLS]",
                                     "[AVAILABLE_TOOLS]",
                                     "[/AVAILABLE_TOOLS]",
                                     "[TOOL_RESULTS]",
                                     "[/TOOL_RESULTS]"};
  for (int i = 8; i <= 768; ++i) tokens.push_back(StrCat("[control_", i, "]"));
  return tokens;
}

TokenizerStyleSpec Llama3Spec(std::vector<std::string> special_tokens) {
  return {.kind = VocabularyKind::kByteLevel,
          .special_tokens = std::move(special_tokens),
          .vocabulary = 128'000,
          .merges = 280'147,
          .merges_numbers = true,
          .normalizer = "null",
          .pre_tokenizer = kLlama3PreTokenizer,
          .post_processor = kLlama3PostProcessor,
          .decoder = kByteLevelDecoder,
          .model_options = kByteLevelOptions,
          .begin_token = "<|begin_of_text|>",
          .end_token = "<|end_of_text|>",
          .tokenizer_class = "PreTrainedTokenizerFast",
          .model_max_length = "131072"};
}

}  // namespace

TokenizerStyleSpec SpecOf(TokenizerStyle style) {
  switch (style) {
    case TokenizerStyle::kLlama3:
      return Llama3Spec(Llama3SpecialTokens());
    case TokenizerStyle::kLlama31:
      return Llama3Spec(Llama31SpecialTokens());
    case TokenizerStyle::kLlama2:
      return {.kind = VocabularyKind::kByteFallback,
              .special_tokens = {"<unk>", "<s>", "</s>"},
              .special_tokens_come_first = true,
              .vocabulary = 32'000,
              .merges = 61'249,
              .normalizer = kLlama2Normalizer,
              .pre_tokenizer = "null",
              .post_processor = kLlama2PostProcessor,
              .decoder = kMetaspaceDecoder,
              .model_options = kByteFallbackOptions,
              .begin_token = "<s>",
              .end_token = "</s>",
              .tokenizer_class = "PreTrainedTokenizerFast",
              .model_max_length = kUnlimitedLength};
    case TokenizerStyle::kMistralV3:
      return {.kind = VocabularyKind::kByteFallback,
              .special_tokens = MistralV3SpecialTokens(),
              .special_tokens_come_first = true,
              .vocabulary = 32'768,
              .merges = 58'980,
              .normalizer = "null",
              .pre_tokenizer = kMistralPreTokenizer,
              .post_processor = kLlama2PostProcessor,
              .decoder = kMetaspaceDecoder,
              .model_options = kByteFallbackOptions,
              .begin_token = "<s>",
              .end_token = "</s>",
              .tokenizer_class = "PreTrainedTokenizerFast",
              .model_max_length = kUnlimitedLength};
    case TokenizerStyle::kSmolLm2:
      return {.kind = VocabularyKind::kByteLevel,
              .special_tokens = {"<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo_name>",
                                 "<reponame>", "<file_sep>", "<filename>", "<gh_stars>",
                                 "<issue_start>", "<issue_comment>", "<issue_closed>",
                                 "<jupyter_start>", "<jupyter_text>", "<jupyter_code>",
                                 "<jupyter_output>", "<jupyter_script>", "<empty_output>"},
              .special_tokens_come_first = true,
              .vocabulary = 49'152,
              .merges = 48'900,
              .normalizer = "null",
              .pre_tokenizer = kSmolLm2PreTokenizer,
              .post_processor = "null",
              .decoder = kByteLevelDecoder,
              .model_options = kGpt2Options,
              .begin_token = "<|endoftext|>",
              .end_token = "<|endoftext|>",
              .tokenizer_class = "PreTrainedTokenizerFast",
              .model_max_length = "8192"};
  }
  return {};
}

}  // namespace firstlight
