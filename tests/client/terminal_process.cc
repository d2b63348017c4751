#include "tests/client/terminal_process.h"

#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "gtest/gtest.h"

namespace firstlight {
namespace {

// Without a word for so long, a process has hung.
constexpr int kPatienceMilliseconds = 60'000;

}  // namespace

TerminalProcess::TerminalProcess(const std::vector<std::string>& arguments) {
  std::vector<std::string> words = {FIRSTLIGHT_PATH};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  winsize size = {.ws_row = 24, .ws_col = 120, .ws_xpixel = 0, .ws_ypixel = 0};
  pid_ = forkpty(&terminal_, nullptr, nullptr, &size);
  if (pid_ == 0) {
    setenv("TERM", "xterm", 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    setenv("HOME", "/nonexistent", 1);  // nobody's ~/.editrc
    execv(argv[0], argv.data());
    _exit(127);
  }
  EXPECT_GT(pid_, 0);
}

TerminalProcess::~TerminalProcess() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  close(terminal_);
}

void TerminalProcess::Type(const std::string& keys) const {
  EXPECT_EQ(write(terminal_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
}

bool TerminalProcess::ReadMore() {
  pollfd readable = {.fd = terminal_, .events = POLLIN, .revents = 0};
  if (poll(&readable, 1, kPatienceMilliseconds) <= 0) return false;
  char bytes[4096];
  const ssize_t count =
      read(terminal_, bytes, sizeof(bytes));  // an error once the other end closes
  if (count <= 0) return false;
  shown_.append(bytes, static_cast<size_t>(count));
  return true;
}

bool TerminalProcess::WaitFor(const std::string& text) {
  while (true) {
    const size_t found = shown_.find(text, seen_);
    if (found != std::string::npos) {
      seen_ = found + text.size();
      return true;
    }
    if (!ReadMore()) return false;
  }
}

int TerminalProcess::WaitForExit() {
  while (ReadMore()) {
  }
  kill(pid_, SIGKILL);  // no effect on one that has ended
  int status = 0;
  EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
  pid_ = -1;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace firstlight
