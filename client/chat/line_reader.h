#ifndef FIRSTLIGHT_CLIENT_CHAT_LINE_READER_H_
#define FIRSTLIGHT_CLIENT_CHAT_LINE_READER_H_

// Lines of a person, or of a pipe.
//
// On a terminal the line is edited (arrows, history, what ~/.editrc says) after a prompt; elsewhere
// nothing is printed. Used by the main thread, one reader at a time.

#include <memory>
#include <string>

namespace firstlight {

class LineReader {
 public:
  enum class Result { kLine, kEnd, kInterrupted };

  virtual ~LineReader() = default;

  // The next line, without its line break. kInterrupted: Ctrl-C, which on a terminal only gives up
  // the line; elsewhere it ends the process.
  virtual Result Read(const char* prompt, std::string* line) = 0;

  virtual bool is_terminal() const = 0;
};

// Of standard input, with the prompt on standard output where both are a terminal. Expects SIGINT
// to be blocked, and lets it through only while it reads.
std::unique_ptr<LineReader> NewLineReader();

}  // namespace firstlight

#endif  // FIRSTLIGHT_CLIENT_CHAT_LINE_READER_H_
