#include "engine/chat/chat_template.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "engine/chat/jinja/methods.h"
#include "engine/chat/jinja/template.h"
#include "engine/chat/jinja/unicode_text.h"
#include "engine/chat/json_values.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

using jinja::Heap;
using jinja::MakeString;
using jinja::Text;
using jinja::Value;
using jinja::Values;
using jinja::Variables;

// What transformers puts behind the text that is to be continued, and cuts there; a trimmed text
// still shows all of it but the space.
constexpr std::string_view kContinueTag = "CONTINUE_FINAL_MESSAGE_TAG ";

absl::Status CheckObjects(const JsonValue& array, std::string_view name) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray items, array.AsArray());
  for (const JsonValue item : items) {
    if (item.type() != JsonType::kObject) {
      return item.Error(StrCat("expected ", name, " as an object"));
    }
  }
  return absl::OkStatus();
}

// The last message's content with the tag behind its text, and that text itself.
struct Continued {
  Value content{};
  std::string text{};
};

absl::StatusOr<Continued> AppendTag(Heap& heap, const JsonValue& message) {
  const std::optional<JsonValue> content = message.Find("content");
  if (!content.has_value()) {
    return message.Error("continue_final_message needs a content to continue");
  }
  const auto tagged = [&](const Value& text) {
    Text with_tag = text.text();
    with_tag.Append(kContinueTag);
    return MakeString(heap, std::move(with_tag));
  };
  Value value = JsonToValue(heap, *content);
  if (value.is_string()) return Continued{tagged(value), value.text().bytes()};
  if (!value.is_list()) return content->Error("expected text or an array of parts to continue");
  Values parts = value.items();
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    const Value* const text = part->is_dict() ? part->dict().Find("text") : nullptr;
    if (text == nullptr) continue;
    if (!text->is_string()) return content->Error("expected the text to continue as a string");
    Continued continued{.text = text->text().bytes()};
    part->dict().Set(MakeString(heap, "text"), tagged(*text));
    continued.content = jinja::MakeList(heap, std::move(parts), /*from_data=*/true);
    return continued;
  }
  return content->Error("continue_final_message found no text to continue");
}

// Cuts the rendered text where the tag shows that the last message's content ends.
absl::StatusOr<Text> CutAtTag(const Text& rendered, std::string_view continued) {
  const std::string_view bytes = rendered.bytes();
  const std::string_view tag = kContinueTag.substr(0, kContinueTag.size() - 1);
  std::string_view stripped = continued.substr(0, jinja::StripRightSpace(continued));
  stripped.remove_prefix(jinja::StripLeftSpace(stripped));
  const size_t at = bytes.rfind(tag);
  if (at == std::string_view::npos ||
      jinja::FindBytes(bytes, stripped, 0) == std::string_view::npos) {
    return absl::InvalidArgumentError(
        "continue_final_message: the last message's content does not appear in the text that the "
        "chat template makes of it");
  }
  if (bytes.substr(at).starts_with(kContinueTag)) return rendered.Substring(0, at);
  return rendered.Substring(0, jinja::StripRightSpace(bytes.substr(0, at)));
}

class Rendering {
 public:
  Rendering(Heap& heap, const ChatTemplateInput& input) : heap_(heap), input_(input) {}

  absl::StatusOr<Variables> MakeVariables() {
    FIRSTLIGHT_RETURN_IF_ERROR(CheckObjects(input_.messages, "each message"));
    Variables variables;
    for (const auto& [name, text] : input_.special_tokens) {
      variables[name] = MakeString(heap_, text);
    }
    FIRSTLIGHT_RETURN_IF_ERROR(AddKwargs(variables));
    FIRSTLIGHT_ASSIGN_OR_RETURN(variables["messages"], Messages());
    FIRSTLIGHT_ASSIGN_OR_RETURN(variables["tools"], Objects(input_.tools, "each tool"));
    FIRSTLIGHT_ASSIGN_OR_RETURN(variables["documents"], Objects(input_.documents, "each document"));
    variables["add_generation_prompt"] = Value::Bool(input_.add_generation_prompt);
    return variables;
  }

  const std::string& continued_text() const { return continued_text_; }

 private:
  absl::Status AddKwargs(Variables& variables) {
    if (!input_.kwargs.has_value()) return absl::OkStatus();
    FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonObject kwargs, input_.kwargs->AsObject());
    constexpr std::string_view kTaken[] = {"messages", "tools", "documents",
                                           "add_generation_prompt"};
    for (const auto [name, value] : kwargs) {
      if (std::find(std::begin(kTaken), std::end(kTaken), name) != std::end(kTaken)) {
        return value.Error("this variable of a chat template is not set by an argument");
      }
      variables[std::string(name)] = JsonToValue(heap_, value);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Value> Messages() {
    const JsonArray messages = *input_.messages.AsArray();
    Values values;
    const size_t count = messages.size();
    values.reserve(count);
    for (const JsonValue message : messages) {
      Value content;
      if (input_.continue_final_message && values.size() + 1 == count) {
        FIRSTLIGHT_ASSIGN_OR_RETURN(Continued continued, AppendTag(heap_, message));
        content = std::move(continued.content);
        continued_text_ = std::move(continued.text);
      }
      values.push_back(MessageToValue(heap_, message, content));
    }
    if (input_.continue_final_message && values.empty()) {
      return absl::InvalidArgumentError("continue_final_message needs a message to continue");
    }
    return jinja::MakeList(heap_, std::move(values), /*from_data=*/true);
  }

  absl::StatusOr<Value> Objects(const std::optional<JsonValue>& array, std::string_view name) {
    if (!array.has_value()) return Value::None();
    FIRSTLIGHT_RETURN_IF_ERROR(CheckObjects(*array, name));
    return JsonToValue(heap_, *array);
  }

  Heap& heap_;
  const ChatTemplateInput& input_;
  std::string continued_text_;
};

}  // namespace

ChatTemplate::ChatTemplate(std::unique_ptr<const jinja::Template> compiled, std::string file_name,
                           const ChatTemplateLimits& limits)
    : compiled_(std::move(compiled)), file_name_(std::move(file_name)), limits_(limits) {}

ChatTemplate::~ChatTemplate() = default;

absl::StatusOr<std::unique_ptr<const ChatTemplate>> ChatTemplate::Compile(
    std::string_view source, std::string file_name, const ChatTemplateLimits& limits) {
  if (source.size() > limits.max_source_bytes) {
    return absl::ResourceExhaustedError(StrCat(file_name, ": a chat template of ", source.size(),
                                               " bytes is larger than the limit of ",
                                               limits.max_source_bytes));
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(std::unique_ptr<const jinja::Template> compiled,
                              jinja::Template::Compile(source, file_name));
  return std::unique_ptr<const ChatTemplate>(
      new ChatTemplate(std::move(compiled), std::move(file_name), limits));
}

absl::StatusOr<RenderedChat> ChatTemplate::Render(const ChatTemplateInput& input) const {
  if (input.continue_final_message && input.add_generation_prompt) {
    return absl::InvalidArgumentError(
        "continue_final_message and add_generation_prompt exclude each other");
  }
  Heap heap({.max_steps = limits_.max_steps,
             .max_bytes = limits_.max_value_bytes,
             .max_time = limits_.max_time,
             .cancelled = &input.cancelled});
  Rendering rendering(heap, input);
  try {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const Variables variables, rendering.MakeVariables());
    FIRSTLIGHT_ASSIGN_OR_RETURN(Text text,
                                compiled_->Render(heap, variables,
                                                  {.max_output_bytes = limits_.max_output_bytes,
                                                   .now = input.now,
                                                   .time_zone = input.time_zone}));
    if (input.continue_final_message) {
      FIRSTLIGHT_ASSIGN_OR_RETURN(text, CutAtTag(text, rendering.continued_text()));
    }
    RenderedChat chat;
    chat.data_bytes.assign(text.data().begin(), text.data().end());
    chat.text = text.ReleaseBytes();
    return chat;
  } catch (const jinja::TemplateError& error) {
    // The conversation itself is beyond a limit.
    return jinja::ToStatus(file_name_, error);
  }
}

}  // namespace firstlight
