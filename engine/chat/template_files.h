#ifndef FIRSTLIGHT_ENGINE_CHAT_TEMPLATE_FILES_H_
#define FIRSTLIGHT_ENGINE_CHAT_TEMPLATE_FILES_H_

// Where a checkpoint keeps its chat templates, and the special tokens that they write.
//
// As transformers reads them: `chat_template.jinja` and `additional_chat_templates/*.jinja`; only
// where there is neither, `chat_template` of tokenizer_config.json, a string or a list of named
// ones; at last `chat_template` of chat_template.json.

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace firstlight {

struct ChatTemplateSource {
  std::string name;  // "default", "tool_use"
  std::string file;  // for errors: "tokenizer_config.json: chat_template"
  std::string text;
};

struct ChatTemplateFiles {
  std::vector<ChatTemplateSource> templates;  // at least one, by name
  // "bos_token" and whatever else tokenizer_config.json names as "…_token", with its text; of
  // special_tokens_map.json where the former lists no added tokens.
  std::vector<std::pair<std::string, std::string>> special_tokens;
};

// Reads them. NOT_FOUND, saying where one could be, for a checkpoint that has none;
// INVALID_ARGUMENT naming file and field; RESOURCE_EXHAUSTED beyond a limit.
absl::StatusOr<ChatTemplateFiles> ReadChatTemplateFiles(const std::string& directory);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_CHAT_TEMPLATE_FILES_H_
