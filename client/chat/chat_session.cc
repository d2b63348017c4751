#include "client/chat/chat_session.h"

#include <pthread.h>

#include <csignal>
#include <cstdio>
#include <utility>

#include "client/chat/chat_printer.h"
#include "client/generation_printer.h"
#include "client/terminal_text.h"
#include "loader/base/strings.h"
#include "loader/base/utf8.h"

namespace firstlight {
namespace {

constexpr char kPrompt[] = "> ";
constexpr char kMorePrompt[] = ". ";
constexpr std::string_view kBlock = "\"\"\"";

constexpr std::string_view kHelp =
    "/help            what you read now\n"
    "/exit            leave (Ctrl-D does, too; Ctrl-C stops an answer)\n"
    "/reset           forget the conversation, but for the system prompt\n"
    "/system [TEXT]   set the system prompt; without a text, remove it\n"
    "/retry           answer the last message again\n"
    "/undo            take the last message and its answer back\n"
    "/history         show the conversation\n"
    "/save FILE       write it as JSON\n"
    "/load FILE       go on with one that was saved\n"
    "/set [NAME [VALUE]]  an option such as temperature or max-tokens; without a value, unset it\n"
    "/model [NAME]    talk to another model\n"
    "/tool TEXT       the result of the tool that the model has called\n"
    "//TEXT           a message that begins with a slash\n"
    "A line that ends with \\ goes on in the next one; so does what \"\"\" begins, up to \"\"\".\n";

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
}

// The first word of `text`, and what follows it.
std::pair<std::string_view, std::string_view> SplitWord(std::string_view text) {
  const size_t end = text.find_first_of(" \t");
  if (end == std::string_view::npos) return {text, {}};
  return {text.substr(0, end), Trim(text.substr(end))};
}

void BlockInterrupts() {
  sigset_t interrupt;
  sigemptyset(&interrupt);
  sigaddset(&interrupt, SIGINT);
  pthread_sigmask(SIG_BLOCK, &interrupt, nullptr);
}

void Print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

}  // namespace

ChatSession::ChatSession(const CommonOptions& common, ChatSettings settings,
                         std::unique_ptr<LineReader> reader)
    : common_(common), settings_(std::move(settings)), reader_(std::move(reader)) {
  BlockInterrupts();
  stub_ = v1::GenerationService::NewStub(Connect(common_.address));
  history_.SetSystem(settings_.system);
}

void ChatSession::Note(std::string_view text) const {
  std::fprintf(stderr, "%s\n", EscapeControls(ToAbsl(text)).c_str());
}

LineReader::Result ChatSession::ReadMessage(std::string* message) {
  message->clear();
  std::string line;
  LineReader::Result result = reader_->Read(kPrompt, &line);
  if (result != LineReader::Result::kLine) return result;
  if (Trim(line).starts_with(kBlock)) {
    line = Trim(line).substr(kBlock.size());
    while (!Trim(line).ends_with(kBlock)) {
      StrAppend(message, line, "\n");
      result = reader_->Read(kMorePrompt, &line);
      if (result == LineReader::Result::kInterrupted) return result;
      if (result == LineReader::Result::kEnd) return LineReader::Result::kLine;
    }
    message->append(line, 0, line.rfind(kBlock));
    return LineReader::Result::kLine;
  }
  while (line.ends_with('\\')) {
    line.back() = '\n';
    *message += line;
    line.clear();
    result = reader_->Read(kMorePrompt, &line);
    if (result == LineReader::Result::kInterrupted) return result;
  }
  *message += line;
  return LineReader::Result::kLine;
}

int ChatSession::Run() {
  if (interactive() && !common_.json) Note("/help says what you can do; Ctrl-D ends it.");
  std::string message;
  while (true) {
    switch (ReadMessage(&message)) {
      case LineReader::Result::kEnd:
        if (interactive() && !common_.json) Print("\n");
        return kExitDone;
      case LineReader::Result::kInterrupted:
        continue;
      case LineReader::Result::kLine:
        break;
    }
    switch (Take(message)) {
      case Outcome::kContinue:
        break;
      case Outcome::kExit:
        return kExitDone;
      case Outcome::kBadUsage:
        if (!interactive()) return kExitUsage;
        break;
      case Outcome::kFailed:
        if (!interactive()) return kExitFailed;
        break;
      case Outcome::kInterrupted:
        return kExitInterrupted;
    }
  }
}

ChatSession::Outcome ChatSession::Take(const std::string& line) {
  if (Trim(line).empty()) return Outcome::kContinue;
  if (line.starts_with("//")) return Answered(Say(line.substr(1)));
  if (line.starts_with('/')) return RunCommand(Trim(line));
  return Answered(Say(line));
}

ChatSession::Outcome ChatSession::Answered(int exit_code) const {
  if (exit_code == kExitInterrupted) return Outcome::kInterrupted;
  return exit_code == kExitFailed ? Outcome::kFailed : Outcome::kContinue;
}

ChatSession::Outcome ChatSession::RunCommand(std::string_view line) {
  const auto [command, argument] = SplitWord(line);
  const auto done = [this](const absl::Status& status, std::string_view note) {
    if (!status.ok() || interactive()) Note(status.ok() ? note : ToStd(status.message()));
    return status.ok() ? Outcome::kContinue : Outcome::kBadUsage;
  };
  if (command == "/exit" || command == "/quit" || command == "/bye") return Outcome::kExit;
  if (command == "/help" || command == "/?") {
    Print(kHelp);
    return Outcome::kContinue;
  }
  if (command == "/reset" || command == "/clear") {
    history_.Reset();
    return done(absl::OkStatus(), "forgotten");
  }
  if (command == "/system") {
    history_.SetSystem(argument);
    return done(absl::OkStatus(), argument.empty() ? "no system prompt" : "system prompt set");
  }
  if (command == "/retry") {
    const ChatHistory before = history_;
    if (!history_.DropLastReply()) {
      return done(absl::FailedPreconditionError("there is no message to answer"), "");
    }
    const size_t kept = history_.size();
    const int exit_code = Ask(kept);
    if (history_.size() == kept) history_ = before;
    return Answered(exit_code);
  }
  if (command == "/undo") {
    return history_.DropLastTurn()
               ? done(absl::OkStatus(), "taken back")
               : done(absl::FailedPreconditionError("there is nothing to take back"), "");
  }
  if (command == "/history") {
    WriteText(history_.ToText());
    return Outcome::kContinue;
  }
  if (command == "/save" || command == "/load") {
    if (argument.empty()) {
      return done(absl::InvalidArgumentError(StrCat(command, ": expected a file")), "");
    }
    const std::string path(argument);
    return command == "/save" ? done(history_.Save(path), "saved")
                              : done(history_.Load(path), "loaded");
  }
  if (command == "/set") {
    const auto [name, value] = SplitWord(argument);
    if (name.empty()) {
      Print(settings_.options.ToText());
      return Outcome::kContinue;
    }
    const absl::Status status = settings_.options.Set(name, value);
    return done(status, StrCat(name, value.empty() ? " unset" : " set"));
  }
  if (command == "/model") {
    if (!argument.empty()) settings_.model = argument;
    return done(absl::OkStatus(), settings_.model.empty() ? "the only model" : settings_.model);
  }
  if (command == "/tool") {
    const size_t kept = history_.size();
    const absl::Status status = history_.AddToolResult(argument);
    if (!status.ok()) return done(status, "");
    return Answered(Ask(kept));
  }
  return done(absl::InvalidArgumentError(
                  StrCat("there is no command ", command, "; /help lists those that there are")),
              "");
}

int ChatSession::Say(std::string_view text) {
  const size_t kept = history_.size();
  history_.AddUser(text);
  return Ask(kept);
}

int ChatSession::Ask(size_t kept) {
  v1::ChatRequest request;
  request.set_model(settings_.model);
  request.set_messages_json(history_.ToJson());
  if (!settings_.tools.empty()) request.set_tools_json(settings_.tools);
  request.set_template_name(settings_.template_name);
  request.set_chat_template_kwargs(settings_.template_kwargs);
  settings_.options.CopyTo(&request);
  request.mutable_output()->set_token_ids(common_.json);

  grpc::ClientContext context;
  const InterruptGuard interrupt(&context, reader_ != nullptr && reader_->is_terminal()
                                               ? InterruptGuard::Second::kIgnored
                                               : InterruptGuard::Second::kEndsProcess);
  const auto stream = stub_->Chat(&context, request);
  // Also of a message from a pipe or from the command line.
  ChatPrinter printer(WritesToTerminal());
  std::string figures;
  v1::ChatResponse response;
  AssistantReply reply;
  while (stream->Read(&response)) {
    if (response.has_delta()) Collect(response.delta(), &reply);
    if (response.has_finished()) figures = FiguresLine(response.finished());
    if (common_.json) {
      PrintJson(response);
    } else if (response.has_delta()) {
      printer.Add(response.delta());
    }
  }
  const grpc::Status status = stream->Finish();
  if (!common_.json) printer.End();
  if (status.ok() || (interrupt.interrupted() && !reply.empty())) {
    history_.AddReply(reply);
  } else {
    history_.Truncate(kept);
  }
  if (interrupt.interrupted()) {
    if (!interactive()) return kExitInterrupted;
    Note("[stopped]");
    return kExitDone;
  }
  if (!status.ok()) return ReportFailure(status, common_.address);
  if (settings_.show_figures && !common_.json) Note(StrCat("[", figures, "]"));
  return kExitDone;
}

}  // namespace firstlight
