#include "engine/chat/template_files.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>

#include "loader/base/status_macros.h"
#include "loader/base/strings.h"
#include "loader/file.h"
#include "loader/json.h"

namespace firstlight {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kDefaultName = "default";
constexpr int64_t kMaxTemplateBytes = int64_t{1} << 20;
constexpr int64_t kMaxConfigBytes = int64_t{64} << 20;
// Published checkpoints have up to three.
constexpr size_t kMaxTemplates = 64;

absl::StatusOr<std::unique_ptr<const JsonDocument>> ReadJsonIfPresent(const fs::path& path) {
  absl::StatusOr<std::unique_ptr<const JsonDocument>> document =
      JsonDocument::ReadFile(path, {.max_bytes = kMaxConfigBytes, .refuse_duplicate_keys = false});
  if (absl::IsNotFound(document.status())) return nullptr;
  return document;
}

absl::StatusOr<std::optional<std::string>> ReadTemplateIfPresent(const fs::path& path) {
  absl::StatusOr<std::string> text = ReadFile(path, kMaxTemplateBytes);
  if (absl::IsNotFound(text.status())) return std::nullopt;
  FIRSTLIGHT_RETURN_IF_ERROR(text.status());
  return *std::move(text);
}

// Adds a template; one of the same name is replaced, as in a Python dict.
absl::Status AddTemplate(ChatTemplateSource source, ChatTemplateFiles& files) {
  for (ChatTemplateSource& other : files.templates) {
    if (other.name != source.name) continue;
    other = std::move(source);
    return absl::OkStatus();
  }
  if (files.templates.size() == kMaxTemplates) {
    return absl::ResourceExhaustedError(
        StrCat(source.file, ": expected at most ", kMaxTemplates, " templates, found more"));
  }
  files.templates.push_back(std::move(source));
  return absl::OkStatus();
}

// chat_template.jinja and additional_chat_templates/*.jinja.
absl::Status AddTemplateFiles(const fs::path& directory, ChatTemplateFiles& files) {
  constexpr std::string_view kFile = "chat_template.jinja";
  constexpr std::string_view kFolder = "additional_chat_templates";
  constexpr std::string_view kExtension = ".jinja";
  FIRSTLIGHT_ASSIGN_OR_RETURN(std::optional<std::string> text,
                              ReadTemplateIfPresent(directory / kFile));
  if (text.has_value()) {
    FIRSTLIGHT_RETURN_IF_ERROR(AddTemplate(
        {.name = std::string(kDefaultName), .file = std::string(kFile), .text = *std::move(text)},
        files));
  }
  std::error_code error;
  fs::directory_iterator entry(directory / kFolder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string file = entry->path().filename().string();
    if (!file.ends_with(kExtension)) continue;
    FIRSTLIGHT_ASSIGN_OR_RETURN(text, ReadTemplateIfPresent(entry->path()));
    if (!text.has_value()) continue;
    FIRSTLIGHT_RETURN_IF_ERROR(AddTemplate({.name = file.substr(0, file.size() - kExtension.size()),
                                            .file = StrCat(kFolder, "/", file),
                                            .text = *std::move(text)},
                                           files));
  }
  return absl::OkStatus();
}

// The member `chat_template` of a configuration: a string, or a list of {name, template}.
absl::Status AddTemplatesOf(const JsonDocument& config, ChatTemplateFiles& files) {
  const std::optional<JsonValue> member = config.root().Find("chat_template");
  if (!member.has_value()) return absl::OkStatus();
  const std::string file = StrCat(config.name(), ": chat_template");
  if (member->type() == JsonType::kString) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view text, member->AsString());
    return AddTemplate({.name = std::string(kDefaultName), .file = file, .text = std::string(text)},
                       files);
  }
  if (member->type() != JsonType::kArray) {
    return member->Error("expected a string or a list of templates with names");
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray items, member->AsArray());
  for (const JsonValue item : items) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view name, item.GetString("name"));
    FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view text, item.GetString("template"));
    FIRSTLIGHT_RETURN_IF_ERROR(AddTemplate(
        {.name = std::string(name), .file = StrCat(file, ".", name), .text = std::string(text)},
        files));
  }
  return absl::OkStatus();
}

// Members "…_token" that are a text or an AddedToken; a later file's replace an earlier one's.
void AddSpecialTokens(const JsonDocument& config, ChatTemplateFiles& files) {
  const absl::StatusOr<JsonObject> members = config.root().AsObject();
  if (!members.ok()) return;
  for (const auto& [key, value] : *members) {
    if (!key.ends_with("_token")) continue;
    const std::optional<JsonValue> content = value.Find("content");
    const absl::StatusOr<std::string_view> text = content.value_or(value).AsString();
    if (!text.ok()) continue;
    const auto same_name = std::find_if(files.special_tokens.begin(), files.special_tokens.end(),
                                        [&](const auto& token) { return token.first == key; });
    if (same_name != files.special_tokens.end()) {
      same_name->second = *text;
    } else {
      files.special_tokens.emplace_back(key, *text);
    }
  }
}

}  // namespace

absl::StatusOr<ChatTemplateFiles> ReadChatTemplateFiles(const std::string& directory) {
  const fs::path root(directory);
  ChatTemplateFiles files;
  FIRSTLIGHT_RETURN_IF_ERROR(AddTemplateFiles(root, files));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::unique_ptr<const JsonDocument> config,
                              ReadJsonIfPresent(root / "tokenizer_config.json"));
  if (files.templates.empty() && config != nullptr) {
    FIRSTLIGHT_RETURN_IF_ERROR(AddTemplatesOf(*config, files));
  }
  if (files.templates.empty()) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const std::unique_ptr<const JsonDocument> processor,
                                ReadJsonIfPresent(root / "chat_template.json"));
    if (processor != nullptr) FIRSTLIGHT_RETURN_IF_ERROR(AddTemplatesOf(*processor, files));
  }
  if (files.templates.empty()) {
    return absl::NotFoundError(
        StrCat(directory,
               ": expected a chat template (chat_template.jinja, additional_chat_templates/*.jinja,"
               " or chat_template in tokenizer_config.json or chat_template.json), found none"));
  }
  std::sort(
      files.templates.begin(), files.templates.end(),
      [](const ChatTemplateSource& a, const ChatTemplateSource& b) { return a.name < b.name; });
  if (config != nullptr) AddSpecialTokens(*config, files);
  if (config == nullptr || !config->root().Find("added_tokens_decoder").has_value()) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const std::unique_ptr<const JsonDocument> map,
                                ReadJsonIfPresent(root / "special_tokens_map.json"));
    if (map != nullptr) AddSpecialTokens(*map, files);
  }
  return files;
}

}  // namespace firstlight
