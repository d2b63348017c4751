#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/chat/chat_session.h"
#include "client/chat/line_reader.h"
#include "client/chat/request_options.h"
#include "client/commands.h"
#include "client/input.h"
#include "client/session.h"
#include "loader/file.h"

namespace firstlight {
namespace {

constexpr int64_t kMaxFileBytes = int64_t{64} << 20;

// The options of the command line, as they stand there.
struct ChatArguments {
  std::optional<std::string> message;
  ChatSettings settings;
  std::string tools_file;
  std::string load;
  // By the names of RequestOptions.
  std::map<std::string, std::vector<std::string>> options;
  std::map<std::string, bool> switches;
};

void AddRequestOptions(CLI::App* command, ChatArguments* arguments) {
  for (const RequestOptions::Name& option : RequestOptions::Names()) {
    std::string flag = "--" + option.name;
    std::replace(flag.begin(), flag.end(), '_', '-');
    if (option.name == "stop_sequences") flag = "--stop," + flag;
    if (option.is_switch) {
      command->add_flag(flag, arguments->switches[option.name])->group("Answers");
    } else {
      command->add_option(flag, arguments->options[option.name], option.expected)
          ->allow_extra_args(false)
          ->group("Answers");
    }
  }
}

// Throws CLI::ValidationError, which ends the process as bad usage.
void Complete(ChatArguments* arguments) {
  RequestOptions& options = arguments->settings.options;
  const auto set = [&options](const std::string& name, const std::string& value) {
    const absl::Status status = options.Set(name, value);
    if (!status.ok()) throw CLI::ValidationError(std::string(status.message()));
  };
  for (const auto& [name, values] : arguments->options) {
    for (const std::string& value : values) set(name, value);
  }
  for (const auto& [name, value] : arguments->switches) {
    if (value) set(name, "true");
  }
  if (!arguments->tools_file.empty()) {
    absl::StatusOr<std::string> tools = ReadFile(arguments->tools_file, kMaxFileBytes);
    if (!tools.ok()) throw CLI::ValidationError("--tools", std::string(tools.status().message()));
    arguments->settings.tools = *std::move(tools);
  }
}

int Chat(const CommonOptions& common, ChatArguments* arguments) {
  Complete(arguments);
  const bool once = arguments->message.has_value();
  ChatSession session(common, std::move(arguments->settings), once ? nullptr : NewLineReader());
  if (!arguments->load.empty()) {
    const absl::Status status = session.Load(arguments->load);
    if (!status.ok()) return ReportFailure(status);
  }
  return once ? session.Say(ReadText(*arguments->message)) : session.Run();
}

}  // namespace

void AddChatCommand(CLI::App& app, const CommonOptions& common, int* exit_code) {
  CLI::App* command = app.add_subcommand(
      "chat", "Talk to a model: a line a message, /help for more; in a pipe, too");
  auto arguments = std::make_shared<ChatArguments>();
  ChatSettings& settings = arguments->settings;
  command->add_option("message", arguments->message,
                      "Say this alone and leave; - reads standard input whole");
  command->add_option("--model", settings.model, "May be left out when one model is loaded");
  command->add_option("--system", settings.system, "System prompt");
  command->add_option("--template-name", settings.template_name,
                      "Where the model has several chat templates");
  command->add_option("--chat-template-kwargs", settings.template_kwargs,
                      "JSON object of variables: '{\"enable_thinking\": false}'");
  command->add_option("--tools", arguments->tools_file, "File with a JSON array of tools");
  command->add_option("--load", arguments->load, "Go on with a conversation that was saved");
  command->add_flag("--verbose", settings.show_figures, "Figures of each answer, on stderr");
  AddRequestOptions(command, arguments.get());
  command->callback(
      [arguments, &common, exit_code] { *exit_code = Chat(common, arguments.get()); });
}

}  // namespace firstlight
