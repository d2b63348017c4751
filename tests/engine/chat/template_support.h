#ifndef FIRSTLIGHT_TESTS_ENGINE_CHAT_TEMPLATE_SUPPORT_H_
#define FIRSTLIGHT_TESTS_ENGINE_CHAT_TEMPLATE_SUPPORT_H_

// Rendering templates in tests, with outcomes in the form of tests/golden/jinja/reference.py: "="
// and the text, or "!" and Python's error.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/chat/chat_template.h"
#include "loader/json.h"

namespace firstlight {

// tests/golden/jinja.
std::filesystem::path JinjaGoldenDirectory();
// Published templates, where they are there: templates/ of ReferenceDataDirectory().
std::filesystem::path PublishedTemplatesDirectory();

std::string ReadTextFile(const std::filesystem::path& path);
// REQUIRES: `text` is JSON.
std::unique_ptr<const JsonDocument> ParseJson(std::string text);

// The time that the goldens were made at: 2024-07-26 15:04:05.006789 UTC.
absl::Time GoldenTime();

// What compiling or rendering says, without the file's name and the line.
std::string DescribeError(const absl::Status& status);

std::string Outcome(const absl::StatusOr<RenderedChat>& rendered);
// Compiles `source` under the name "t" and renders it.
absl::StatusOr<RenderedChat> RenderTemplate(std::string_view source, const ChatTemplateInput& input,
                                            const ChatTemplateLimits& limits = {});
// With no messages, and `kwargs` for variables.
absl::StatusOr<RenderedChat> RenderWith(std::string_view source, std::string kwargs = "{}",
                                        const ChatTemplateLimits& limits = {});

// A conversation of the goldens: messages, tools, documents, chat_template_kwargs and the switches.
ChatTemplateInput ConversationInput(const JsonValue& conversation);

// The first 16 hexadecimal digits of the BLAKE2b-256 of `text`.
std::string ShortDigest(std::string_view text);

}  // namespace firstlight

#endif  // FIRSTLIGHT_TESTS_ENGINE_CHAT_TEMPLATE_SUPPORT_H_
