#include "engine/chat/chat_template.h"

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "engine/tokenizer/text/utf8.h"
#include "loader/json.h"
#include "tests/fuzz/fuzz_support.h"
#include "tests/fuzz/fuzz_targets.h"

namespace firstlight {
namespace {

constexpr char kFile[] = "chat_template.jinja";

// A hundredth of what a rendering may take in earnest, so that what reaches a limit does so in
// milliseconds, and what does not count its work stands out: no limit of time ends it.
constexpr int64_t kMaxSteps = 200'000;
constexpr size_t kMaxOutputBytes = 1 << 20;
constexpr size_t kMaxValueBytes = 8 << 20;

// The variables have the names of those in tests/golden/jinja/expressions.json, which are seeds.
constexpr char kConversation[] = R"json({
  "messages": [
    {"role": "system", "content": "You are terse.  "},
    {"role": "user", "content": [{"type": "text", "text": "Weather <b>in</b> Par\u00eds?\n"}]},
    {"role": "assistant", "content": null, "reasoning_content": "I ask.", "tool_calls": [
      {"id": "c1", "type": "function",
       "function": {"name": "weather", "arguments": {"city": "Paris", "days": 2.50}}}]},
    {"role": "tool", "tool_call_id": "c1", "name": "weather", "content": "{\"celsius\": 21}"},
    {"role": "assistant", "content": "21 \u00b0C <|im_end|>"},
    {"role": "user", "content": "Thanks"}],
  "tools": [{"type": "function", "function": {"name": "weather", "description": "Looks out",
    "parameters": {"type": "object", "required": ["city"], "properties": {
      "city": {"type": "string", "enum": ["Paris", "Rome"]}, "days": {"type": "integer"}}}}}],
  "chat_template_kwargs": {
    "s": "Hello, World", "empty": "", "uni": "na\u00efve \u03a3\u0391\u03a3 stra\u00dfe \u4f60",
    "lines": "one\n  two\r\nthree\n", "spaces": "  \t padded \n ", "html": "<a href=\"x\">T & 'J'</a>",
    "num": "42", "neg": "-7.5e1", "think": "<think>\nplan\n</think>\n\nanswer", "i": 7, "zero": 0,
    "minus": -13, "big": 1234567, "f": 3.75, "g": -12345.678, "tiny": 1e-07, "whole": 2.0,
    "yes": true, "no": false, "nothing": null, "words": ["banana", "apple", "Cherry", "apple"],
    "nums": [3, 1, 2, 10, -4], "mixed": [1, "two", 3.0, null, true, [4], {"k": 5}],
    "nested": [[1, 2], [3, [4]]], "pairs": [["a", 1], ["b", 2]], "none_list": [],
    "users": [{"name": "Zoe", "age": 30, "city": "Rome", "admin": true},
              {"name": "Al", "age": 25, "city": "Paris"}],
    "d": {"name": "x", "items": [1], "n": {"m": 1}}, "empty_dict": {}, "huge": 1e30,
    "schema": {"type": "object", "properties": {"a": {"type": ["string", "null"]}}}}
})json";

void Render(const ChatTemplate& chat_template, const JsonValue& conversation) {
  const absl::StatusOr<JsonValue> messages = conversation.Get("messages");
  if (!messages.ok()) return;
  ChatTemplateInput input = {
      .messages = *messages,
      .tools = conversation.Find("tools"),
      .documents = conversation.Find("documents"),
      .kwargs = conversation.Find("chat_template_kwargs"),
      .add_generation_prompt = conversation.GetBool("add_generation_prompt", true).value_or(true),
      .continue_final_message =
          conversation.GetBool("continue_final_message", false).value_or(false),
      .special_tokens = {{"bos_token", "<s>"}, {"eos_token", "</s>"}, {"pad_token", "<pad>"}},
      .now = absl::UnixEpoch(),
      .time_zone = absl::UTCTimeZone()};
  const absl::StatusOr<RenderedChat> chat = chat_template.Render(input);
  RequireGoodRefusal(chat.status(), "");
  if (!chat.ok()) return;
  Require(chat->text.size() <= kMaxOutputBytes, "the text is within its limit");
  Require(FindInvalidUtf8(chat->text) == std::string_view::npos, "the text is UTF-8");
  size_t end = 0;
  for (const ByteInterval& data : chat->data_bytes) {
    Require(data.begin >= end && data.end > data.begin && data.end <= chat->text.size(),
            "what comes from the conversation is marked in order, within the text");
    end = data.end;
  }
}

}  // namespace

void FuzzChatTemplate(std::string_view input) {
  const auto [source, json] = SplitAtNul(input);
  const absl::StatusOr<std::unique_ptr<const ChatTemplate>> chat_template =
      ChatTemplate::Compile(source, kFile,
                            {.max_steps = kMaxSteps,
                             .max_time = absl::InfiniteDuration(),
                             .max_output_bytes = kMaxOutputBytes,
                             .max_value_bytes = kMaxValueBytes});
  RequireGoodRefusal(chat_template.status(), kFile);
  if (!chat_template.ok()) return;
  const absl::StatusOr<std::unique_ptr<const JsonDocument>> conversation =
      JsonDocument::Parse("conversation", std::string(json.empty() ? kConversation : json));
  if (conversation.ok()) Render(**chat_template, (*conversation)->root());
}

}  // namespace firstlight
