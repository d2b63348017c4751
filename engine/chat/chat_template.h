#ifndef FIRSTLIGHT_ENGINE_CHAT_CHAT_TEMPLATE_H_
#define FIRSTLIGHT_ENGINE_CHAT_CHAT_TEMPLATE_H_

// A model's chat template: conversations to the text that the model is given.
//
//   ASSIGN_OR_RETURN(std::unique_ptr<const ChatTemplate> chat_template,
//                    ChatTemplate::Compile(source, "chat_template.jinja"));
//   ASSIGN_OR_RETURN(RenderedChat chat, chat_template->Render(input));
//
// The text is, to the byte, what `apply_chat_template(tokenize=False)` of transformers 5 gives for
// the same conversation; docs/chat.md says what of the language is implemented and what differs.
// Text that came from the conversation is marked, so that it never turns into special tokens.
//
// Templates and conversations are untrusted: time, memory, output and recursion are bounded by
// ChatTemplateLimits. Compile and Render block for their computation and for nothing else; a
// compiled template is immutable and may be rendered by many threads at once.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/chat/byte_interval.h"
#include "loader/json.h"

namespace firstlight {

namespace jinja {
class Template;
}  // namespace jinja

struct ChatTemplateLimits {
  // Of the template's source. Published ones have up to 30 kB.
  size_t max_source_bytes = size_t{1} << 20;
  // Of one rendering. A step is one node of the template evaluated, or as much of other work (bytes
  // copied, values compared) as takes about that long, so that what is refused is refused on every
  // machine.
  int64_t max_steps = 20'000'000;
  // Of one rendering, of the thread's processor: for work that takes longer than its steps say.
  absl::Duration max_time = absl::Seconds(2);
  // Of the rendered text with its stretches of data (twice what a prompt may have), and of all
  // values that are alive at one time beside it.
  size_t max_output_bytes = size_t{16} << 20;
  size_t max_value_bytes = size_t{256} << 20;
};

// What a template is rendered with. The JSON values point into documents of the caller, which must
// outlive the call.
struct ChatTemplateInput {
  // An array of objects in Hugging Face's shape. Key order, spelling of numbers and unknown fields
  // reach the template unchanged. As in transformers, a message's reasoning is available under each
  // of its names: the first of `reasoning_content`, `thinking` and `reasoning` that is not null is
  // also `reasoning_content`, and `thinking` where that is absent.
  JsonValue messages;
  // Arrays of objects; absent is Python's None, and an empty array stays one.
  std::optional<JsonValue> tools{};
  std::optional<JsonValue> documents{};
  // An object: further variables. They hide special tokens of the same name.
  std::optional<JsonValue> kwargs{};
  bool add_generation_prompt = true;
  // The text ends where the last message's content does, so that the model continues it. Not
  // together with add_generation_prompt.
  bool continue_final_message = false;
  // Names such as bos_token and their text: variables that count as the template's own text.
  std::vector<std::pair<std::string, std::string>> special_tokens{};
  // For strftime_now.
  absl::Time now = absl::UnixEpoch();
  absl::TimeZone time_zone = absl::LocalTimeZone();
  // Asked at least every few milliseconds, on the thread that renders, whether nobody waits for the
  // text any more. May be empty.
  std::function<bool()> cancelled{};
};

struct RenderedChat {
  // UTF-8.
  std::string text{};
  // Sorted and disjoint: the bytes of `text` that come from messages, tools, documents or kwargs,
  // or from what the template computed of them. All others are the template's own.
  std::vector<ByteInterval> data_bytes{};
};

class ChatTemplate {
 public:
  // `file_name` is what errors call the template. INVALID_ARGUMENT "FILE:LINE: PROBLEM" for what is
  // not a template, UNIMPLEMENTED in the same form for the parts of the language that are refused
  // by name (include, import, extends), RESOURCE_EXHAUSTED beyond a limit.
  static absl::StatusOr<std::unique_ptr<const ChatTemplate>> Compile(
      std::string_view source, std::string file_name, const ChatTemplateLimits& limits = {});

  ~ChatTemplate();
  ChatTemplate(const ChatTemplate&) = delete;
  ChatTemplate& operator=(const ChatTemplate&) = delete;

  // INVALID_ARGUMENT where the template refuses the conversation (raise_exception) or fails over
  // it, "FILE:LINE: MESSAGE" or "FILE:LINE: PYTHON'S ERROR CLASS: MESSAGE", and for input that is
  // not of the shape above; RESOURCE_EXHAUSTED beyond a limit; CANCELLED.
  absl::StatusOr<RenderedChat> Render(const ChatTemplateInput& input) const;

 private:
  ChatTemplate(std::unique_ptr<const jinja::Template> compiled, std::string file_name,
               const ChatTemplateLimits& limits);

  const std::unique_ptr<const jinja::Template> compiled_;
  const std::string file_name_;
  const ChatTemplateLimits limits_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_CHAT_CHAT_TEMPLATE_H_
