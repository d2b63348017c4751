#include "tests/engine/chat/template_support.h"

#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/escaping.h"
#include "gtest/gtest.h"
#include "loader/base/blake2b.h"
#include "loader/base/strings.h"
#include "tests/engine/reference_data.h"

namespace firstlight {

std::filesystem::path JinjaGoldenDirectory() {
  return std::filesystem::path(FIRSTLIGHT_SOURCE_DIRECTORY) / "tests" / "golden" / "jinja";
}

std::filesystem::path PublishedTemplatesDirectory() {
  return ReferenceDataDirectory() / "templates";
}

std::string ReadTextFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

std::unique_ptr<const JsonDocument> ParseJson(std::string text) {
  absl::StatusOr<std::unique_ptr<const JsonDocument>> document =
      JsonDocument::Parse("test", std::move(text));
  EXPECT_TRUE(document.ok()) << document.status();
  return *std::move(document);
}

absl::Time GoldenTime() {
  return absl::FromCivil(absl::CivilSecond(2024, 7, 26, 15, 4, 5), absl::UTCTimeZone()) +
         absl::Microseconds(6789);
}

std::string DescribeError(const absl::Status& status) {
  std::string message(status.message());
  // "t:12: " in front.
  size_t at = message.find_first_not_of("0123456789", 2);
  if (message.rfind("t:", 0) == 0 && at != std::string::npos && message.compare(at, 2, ": ") == 0) {
    message.erase(0, at + 2);
  } else if (message.rfind("t: ", 0) == 0) {
    message.erase(0, 3);
  }
  return message;
}

std::string Outcome(const absl::StatusOr<RenderedChat>& rendered) {
  return rendered.ok() ? "=" + rendered->text : "!" + DescribeError(rendered.status());
}

absl::StatusOr<RenderedChat> RenderTemplate(std::string_view source, const ChatTemplateInput& input,
                                            const ChatTemplateLimits& limits) {
  absl::StatusOr<std::unique_ptr<const ChatTemplate>> compiled =
      ChatTemplate::Compile(source, "t", limits);
  if (!compiled.ok()) return compiled.status();
  return (*compiled)->Render(input);
}

absl::StatusOr<RenderedChat> RenderWith(std::string_view source, std::string kwargs,
                                        const ChatTemplateLimits& limits) {
  const std::unique_ptr<const JsonDocument> messages = ParseJson("[]");
  const std::unique_ptr<const JsonDocument> variables = ParseJson(std::move(kwargs));
  return RenderTemplate(source,
                        {.messages = messages->root(),
                         .kwargs = variables->root(),
                         .now = GoldenTime(),
                         .time_zone = absl::UTCTimeZone()},
                        limits);
}

ChatTemplateInput ConversationInput(const JsonValue& conversation) {
  return {.messages = *conversation.Get("messages"),
          .tools = conversation.Find("tools"),
          .documents = conversation.Find("documents"),
          .kwargs = conversation.Find("chat_template_kwargs"),
          .add_generation_prompt = *conversation.GetBool("add_generation_prompt", true),
          .continue_final_message = *conversation.GetBool("continue_final_message", false),
          .special_tokens = {{"bos_token", "<s>"}, {"eos_token", "</s>"}, {"pad_token", "<pad>"}},
          .now = GoldenTime(),
          .time_zone = absl::UTCTimeZone()};
}

std::string ShortDigest(std::string_view text) {
  Blake2b hash;
  hash.Update(text);
  const Blake2b::Digest digest = hash.Finish();
  constexpr size_t kBytes = 8;
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(digest.data()), kBytes));
}

}  // namespace firstlight
