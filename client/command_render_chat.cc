#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "client/commands.h"
#include "client/input.h"
#include "client/session.h"
#include "client/terminal_text.h"
#include "firstlight/v1/generation.grpc.pb.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"
#include "loader/file.h"
#include "loader/json.h"
#include "loader/json_text.h"

namespace firstlight {
namespace {

constexpr int64_t kMaxFileBytes = int64_t{64} << 20;

absl::StatusOr<bool> ToBool(const JsonTextMember& member) {
  if (member.value == "true") return true;
  if (member.value == "false") return false;
  return absl::InvalidArgumentError(
      StrCat(member.key, ": expected true or false, found ", Quoted(member.value)));
}

// Puts one member of the conversation where it belongs. Those that hold JSON go as they are
// spelled; null is as good as absent.
absl::Status SetMember(const JsonTextMember& member, v1::RenderChatRequest* request) {
  const std::string value(member.value);
  if (value == "null") return absl::OkStatus();
  if (member.key == "messages") {
    request->set_messages_json(value);
  } else if (member.key == "tools") {
    request->set_tools_json(value);
  } else if (member.key == "documents") {
    request->set_documents_json(value);
  } else if (member.key == "template_name") {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const auto document, JsonDocument::Parse(member.key, value));
    FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view name, document->root().AsString());
    request->set_template_name(std::string(name));
  } else if (member.key == "chat_template_kwargs") {
    request->set_chat_template_kwargs(value);
  } else if (member.key == "add_generation_prompt") {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const bool flag, ToBool(member));
    request->set_add_generation_prompt(flag);
  } else if (member.key == "continue_final_message") {
    // transformers takes the name of the field that is continued as well.
    const bool by_name = value == "\"content\"";
    FIRSTLIGHT_ASSIGN_OR_RETURN(const bool flag,
                                by_name ? absl::StatusOr<bool>(true) : ToBool(member));
    request->set_continue_final_message(flag);
  } else {
    return absl::InvalidArgumentError(
        StrCat("expected messages, tools, documents, add_generation_prompt, "
               "continue_final_message, chat_template_kwargs and template_name, found ",
               Quoted(member.key)));
  }
  return absl::OkStatus();
}

absl::Status ParseConversation(std::string_view name, std::string_view text,
                               v1::RenderChatRequest* request) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::vector<JsonTextMember> members,
                              ParseJsonObject(name, text));
  for (const JsonTextMember& member : members) {
    const absl::Status status = SetMember(member, request);
    if (!status.ok())
      return absl::InvalidArgumentError(StrCat(name, ": ", ToStd(status.message())));
  }
  return absl::OkStatus();
}

// Exactly the text, but on a terminal, which also gets the end of the line.
void PrintText(const std::string& text) {
  WriteText(text);
  if (WritesToTerminal() && !text.ends_with('\n')) WriteText("\n");
}

struct RenderChatOptions {
  std::string file;
  std::string model;
  std::string template_name;
};

int RenderChat(const CommonOptions& common, const RenderChatOptions& options) {
  v1::RenderChatRequest request;
  request.set_model(options.model);
  const bool from_pipe = options.file == "-";
  const absl::StatusOr<std::string> text =
      from_pipe ? ReadText("-") : ReadFile(options.file, kMaxFileBytes);
  if (!text.ok()) return ReportFailure(text.status());
  const absl::Status parsed =
      ParseConversation(from_pipe ? "standard input" : options.file, *text, &request);
  if (!parsed.ok()) {
    ReportFailure(parsed);
    return kExitUsage;
  }
  if (!options.template_name.empty()) request.set_template_name(options.template_name);
  v1::RenderChatResponse response;
  // JSON has the token ids wherever the model has a tokenizer.
  for (const bool with_token_ids : {common.json, false}) {
    request.set_include_token_ids(with_token_ids);
    grpc::ClientContext context;
    const InterruptGuard interrupt(&context);
    const auto stub = v1::GenerationService::NewStub(Connect(common.address));
    const grpc::Status status = stub->RenderChat(&context, request, &response);
    if (interrupt.interrupted()) return kExitInterrupted;
    if (status.ok()) break;
    if (with_token_ids && status.error_code() == grpc::StatusCode::FAILED_PRECONDITION) continue;
    return ReportFailure(status, common.address);
  }
  if (common.json) {
    PrintJson(response);
  } else {
    PrintText(response.text());
  }
  return kExitDone;
}

}  // namespace

void AddRenderChatCommand(CLI::App& app, const CommonOptions& common, int* exit_code) {
  CLI::App* command = app.add_subcommand(
      "render-chat", "The text that a model would be given of a conversation, to the byte");
  auto options = std::make_shared<RenderChatOptions>();
  command
      ->add_option("file", options->file,
                   "{\"messages\": [...], \"tools\": [...], \"add_generation_prompt\": true, "
                   "\"chat_template_kwargs\": {...}}; - reads standard input")
      ->required();
  command->add_option("--model", options->model, "May be left out when one model is loaded");
  command->add_option("--template-name", options->template_name,
                      "Where the model has several chat templates");
  command->callback([options, &common, exit_code] { *exit_code = RenderChat(common, *options); });
}

}  // namespace firstlight
