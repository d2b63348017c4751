#include "client/synthesize/synthetic_tokenizer.h"

#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "client/synthesize/tokenizer_styles.h"
#include "client/synthesize/vocabulary.h"
#include "loader/base/strings.h"
#include "loader/json_writer.h"

namespace firstlight {
namespace {

constexpr int kBytes = 256;
constexpr std::string_view kSpaceMark = "\xE2\x96\x81";  // U+2581, "▁"

// UTF-8 of a code point below U+0800.
std::string Utf8(int code_point) {
  if (code_point < 0x80) return std::string(1, static_cast<char>(code_point));
  return {static_cast<char>(0xC0 | (code_point >> 6)), static_cast<char>(0x80 | (code_point & 63))};
}

// GPT-2's stand-ins for bytes in the order of its vocabulary: printable bytes as themselves, then
// the others as U+0100 onwards ("Ġ" is the space).
std::vector<std::string> ByteLevelAlphabet() {
  std::vector<std::string> printable;
  std::vector<std::string> others;
  for (int byte = 0; byte < kBytes; ++byte) {
    const bool is_printable = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte != 0xAD);
    if (is_printable) {
      printable.push_back(Utf8(byte));
    } else {
      others.push_back(Utf8(kBytes + static_cast<int>(others.size())));
    }
  }
  printable.insert(printable.end(), others.begin(), others.end());
  return printable;
}

// ASCII, Latin, Greek and Cyrillic letters, and the mark for a space.
std::vector<std::string> CharacterAlphabet() {
  std::vector<std::string> characters = {std::string(kSpaceMark)};
  const std::pair<int, int> ranges[] = {{'!', '~'},     {0xA1, 0xAC},   {0xAE, 0x17F},
                                        {0x391, 0x3A1}, {0x3A3, 0x3C9}, {0x410, 0x44F}};
  for (const auto& [first, last] : ranges) {
    for (int code_point = first; code_point <= last; ++code_point) {
      characters.push_back(Utf8(code_point));
    }
  }
  return characters;
}

// All tokens of the model, by id, and its merges.
struct Tokens {
  std::vector<std::string> by_id;
  std::vector<std::pair<std::string, std::string>> merges;
};

Tokens MakeTokens(const TokenizerStyleSpec& spec) {
  Tokens tokens;
  const auto append = [&tokens](const std::vector<std::string>& more) {
    tokens.by_id.insert(tokens.by_id.end(), more.begin(), more.end());
  };
  if (spec.special_tokens_come_first) append(spec.special_tokens);
  const bool byte_level = spec.kind == VocabularyKind::kByteLevel;
  const std::vector<std::string> alphabet = byte_level ? ByteLevelAlphabet() : CharacterAlphabet();
  if (byte_level) {
    append(alphabet);
  } else {
    for (int byte = 0; byte < kBytes; ++byte) {
      tokens.by_id.push_back(absl::StrFormat("<0x%02X>", byte));
    }
  }
  const size_t characters_at_the_end = byte_level ? 0 : alphabet.size();
  Vocabulary vocabulary = MakeVocabulary(
      {.alphabet = alphabet,
       .space = byte_level ? Utf8(kBytes + ' ') : std::string(kSpaceMark),
       .merged_tokens = spec.vocabulary - tokens.by_id.size() - characters_at_the_end,
       .merges = spec.merges,
       .numbers = spec.merges_numbers});
  append(vocabulary.merged);
  // As the sentencepiece trainer does: pieces first, characters last.
  if (!byte_level) append(alphabet);
  tokens.merges = std::move(vocabulary.merges);
  return tokens;
}

std::string AddedToken(size_t id, std::string_view content, std::string_view indent, bool with_id) {
  std::string text = "{\n";
  if (with_id) StrAppend(&text, indent, "  \"id\": ", id, ",\n");
  StrAppend(&text, indent, "  \"content\": ", JsonString(content), ",\n");
  for (const char* flag : {"single_word", "lstrip", "rstrip", "normalized"}) {
    StrAppend(&text, indent, "  \"", flag, "\": false,\n");
  }
  StrAppend(&text, indent, "  \"special\": true\n", indent, "}");
  return text;
}

std::string TokenizerJson(const TokenizerStyleSpec& spec, size_t first_special_id) {
  const Tokens tokens = MakeTokens(spec);
  std::string json =
      "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n"
      "  \"added_tokens\": [";
  for (size_t i = 0; i < spec.special_tokens.size(); ++i) {
    StrAppend(&json, i == 0 ? "\n    " : ",\n    ",
              AddedToken(first_special_id + i, spec.special_tokens[i], "    ", true));
  }
  StrAppend(&json, "\n  ],\n  \"normalizer\": ", spec.normalizer,
            ",\n  \"pre_tokenizer\": ", spec.pre_tokenizer,
            ",\n  \"post_processor\": ", spec.post_processor, ",\n  \"decoder\": ", spec.decoder,
            ",\n  \"model\": {\n    \"type\": \"BPE\",\n    ", spec.model_options,
            ",\n    \"vocab\": {");
  for (size_t id = 0; id < tokens.by_id.size(); ++id) {
    json += id == 0 ? "\n      " : ",\n      ";
    AppendJsonString(tokens.by_id[id], &json);
    StrAppend(&json, ": ", id);
  }
  json += "\n    },\n    \"merges\": [";
  for (size_t rank = 0; rank < tokens.merges.size(); ++rank) {
    json += rank == 0 ? "\n      " : ",\n      ";
    AppendJsonString(tokens.merges[rank].first + " " + tokens.merges[rank].second, &json);
  }
  json += "\n    ]\n  }\n}\n";
  return json;
}

std::string TokenizerConfigJson(const TokenizerStyleSpec& spec, size_t first_special_id) {
  std::string json = "{\n  \"added_tokens_decoder\": {";
  for (size_t i = 0; i < spec.special_tokens.size(); ++i) {
    StrAppend(&json, i == 0 ? "\n" : ",\n", "    \"", first_special_id + i,
              "\": ", AddedToken(0, spec.special_tokens[i], "    ", false));
  }
  StrAppend(&json, "\n  },\n  \"bos_token\": ", JsonString(spec.begin_token),
            ",\n  \"clean_up_tokenization_spaces\": false,\n  \"eos_token\": ",
            JsonString(spec.end_token), ",\n  \"model_max_length\": ", spec.model_max_length,
            ",\n  \"tokenizer_class\": ", JsonString(spec.tokenizer_class), "\n}\n");
  return json;
}

}  // namespace

TokenizerFiles MakeTokenizer(TokenizerStyle style) {
  const TokenizerStyleSpec spec = SpecOf(style);
  const size_t first_special_id = spec.special_tokens_come_first ? 0 : spec.vocabulary;
  return {TokenizerJson(spec, first_special_id), TokenizerConfigJson(spec, first_special_id)};
}

}  // namespace firstlight
