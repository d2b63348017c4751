#ifndef FIRSTLIGHT_CLIENT_CHAT_CHAT_SESSION_H_
#define FIRSTLIGHT_CLIENT_CHAT_CHAT_SESSION_H_

// A conversation with a model: lines that a person or a pipe writes, answers that stream, commands
// that begin with a slash.

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "client/chat/chat_history.h"
#include "client/chat/line_reader.h"
#include "client/chat/request_options.h"
#include "client/session.h"
#include "firstlight/v1/generation.grpc.pb.h"

namespace firstlight {

struct ChatSettings {
  std::string model;
  std::string system;
  std::string template_name;
  std::string template_kwargs;  // the text of a JSON object
  std::string tools;            // the text of a JSON array; empty: none
  RequestOptions options;
  bool show_figures = false;
};

class ChatSession {
 public:
  // Blocks SIGINT for this thread and those that come after it: Ctrl-C stops an answer, or gives up
  // a line, and not the process. `reader` may be null, when only Say is called.
  ChatSession(const CommonOptions& common, ChatSettings settings,
              std::unique_ptr<LineReader> reader);

  // Goes on with a conversation that was saved.
  absl::Status Load(const std::string& path) { return history_.Load(path); }
  // Reads lines until they end or a command ends the session. Returns the exit code.
  int Run();
  // One message of the user. Returns the exit code.
  int Say(std::string_view text);

 private:
  enum class Outcome { kContinue, kExit, kBadUsage, kFailed, kInterrupted };

  Outcome Take(const std::string& line);
  Outcome RunCommand(std::string_view line);
  LineReader::Result ReadMessage(std::string* message);
  // Asks for the next message. What came is in the history; where nothing did, the messages after
  // the first `kept` are dropped.
  int Ask(size_t kept);
  Outcome Answered(int exit_code) const;
  // Tells a person something that is not part of the conversation.
  void Note(std::string_view text) const;
  bool interactive() const { return reader_ != nullptr && reader_->is_terminal(); }

  const CommonOptions common_;
  ChatSettings settings_;
  const std::unique_ptr<LineReader> reader_;
  std::unique_ptr<v1::GenerationService::Stub> stub_;
  ChatHistory history_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_CLIENT_CHAT_CHAT_SESSION_H_
