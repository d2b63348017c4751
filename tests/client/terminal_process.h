#ifndef FIRSTLIGHT_TESTS_CLIENT_TERMINAL_PROCESS_H_
#define FIRSTLIGHT_TESTS_CLIENT_TERMINAL_PROCESS_H_

// The real `firstlight` on a terminal of its own.

#include <sys/types.h>

#include <string>
#include <vector>

namespace firstlight {

class TerminalProcess {
 public:
  // Runs `firstlight ARGUMENTS` on a new pseudo-terminal.
  explicit TerminalProcess(const std::vector<std::string>& arguments);
  // SIGKILL where it still runs.
  ~TerminalProcess();
  TerminalProcess(const TerminalProcess&) = delete;
  TerminalProcess& operator=(const TerminalProcess&) = delete;

  // Types `keys`: "\r" is Enter, "\x03" Ctrl-C, "\x04" Ctrl-D.
  void Type(const std::string& keys) const;
  // Waits until `text` is shown after what was waited for before. False, with all that was shown
  // in shown(), when the process ends or nothing comes for long.
  bool WaitFor(const std::string& text);
  // Waits for its end, and kills it when it says nothing for long. The exit code, or 128 + signal.
  int WaitForExit();

  const std::string& shown() const { return shown_; }

 private:
  bool ReadMore();

  int terminal_ = -1;
  pid_t pid_ = -1;
  std::string shown_;
  size_t seen_ = 0;  // of shown_, by WaitFor
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_TESTS_CLIENT_TERMINAL_PROCESS_H_
