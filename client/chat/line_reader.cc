#include "client/chat/line_reader.h"

#include <histedit.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <cwchar>
#include <iostream>

namespace firstlight {
namespace {

constexpr int kHistoryLines = 1000;

volatile std::sig_atomic_t interrupted = 0;

void NoteInterrupt(int /*signal*/) { interrupted = 1; }

// Sends SIGINT to `handler` while it lives, or to what ends the process: at once (SIG_UNBLOCK), or
// only where someone waits with SIGINT out of the mask (SIG_BLOCK).
class InterruptWindow {
 public:
  InterruptWindow(void (*handler)(int), int how) {
    struct sigaction action = {};
    action.sa_handler = handler;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, &previous_action_);  // without SA_RESTART: a read must end
    sigset_t interrupt;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    pthread_sigmask(how, &interrupt, &previous_mask_);
  }
  ~InterruptWindow() {
    pthread_sigmask(SIG_SETMASK, &previous_mask_, nullptr);
    sigaction(SIGINT, &previous_action_, nullptr);
  }
  InterruptWindow(const InterruptWindow&) = delete;
  InterruptWindow& operator=(const InterruptWindow&) = delete;

 private:
  struct sigaction previous_action_ = {};
  sigset_t previous_mask_;
};

class PipeReader final : public LineReader {
 public:
  Result Read(const char* /*prompt*/, std::string* line) override {
    const InterruptWindow window(SIG_DFL, SIG_UNBLOCK);
    if (!std::getline(std::cin, *line)) return Result::kEnd;
    if (!line->empty() && line->back() == '\r') line->pop_back();
    return Result::kLine;
  }
  bool is_terminal() const override { return false; }
};

// libedit of NetBSD.
class TerminalReader final : public LineReader {
 public:
  TerminalReader() {
    // It reads characters of the locale, and everything here is UTF-8.
    std::setlocale(LC_CTYPE, "");
    if (MB_CUR_MAX == 1) std::setlocale(LC_CTYPE, "C.UTF-8");
    editor_ = el_init("firstlight", stdin, stdout, stderr);
    history_ = history_init();
    HistEvent event;
    history(history_, &event, H_SETSIZE, kHistoryLines);
    history(history_, &event, H_SETUNIQUE, 1);
    el_set(editor_, EL_CLIENTDATA, this);
    el_set(editor_, EL_EDITOR, "emacs");
    el_set(editor_, EL_PROMPT, &TerminalReader::Prompt);
    el_set(editor_, EL_HIST, &history, history_);
    el_set(editor_, EL_GETCFN, &TerminalReader::ReadCharacter);
    el_set(editor_, EL_BIND, "^R", "em-inc-search-prev", nullptr);
    el_source(editor_, nullptr);
  }
  ~TerminalReader() override {
    history_end(history_);
    el_end(editor_);
  }

  Result Read(const char* prompt, std::string* line) override {
    prompt_ = prompt;
    interrupted = 0;
    const InterruptWindow window(&NoteInterrupt, SIG_BLOCK);
    // Before the prompt: it would come first otherwise, and keys typed then would not be edited.
    el_set(editor_, EL_PREP_TERM, 1);
    int length = 0;
    const char* const text = el_gets(editor_, &length);
    if (interrupted != 0) {
      el_reset(editor_);
      std::fputs("\n", stdout);
      return Result::kInterrupted;
    }
    if (text == nullptr || length <= 0) return Result::kEnd;
    line->assign(text, static_cast<size_t>(length));
    HistEvent event;
    if (line->find_first_not_of(" \t\r\n") != std::string::npos) {
      history(history_, &event, H_ENTER, text);
    }
    while (!line->empty() && (line->back() == '\n' || line->back() == '\r')) line->pop_back();
    return Result::kLine;
  }
  bool is_terminal() const override { return true; }

 private:
  static char* Prompt(EditLine* editor) {
    void* self = nullptr;
    el_get(editor, EL_CLIENTDATA, &self);
    return const_cast<char*>(static_cast<TerminalReader*>(self)->prompt_);
  }

  // Waits for a key or for Ctrl-C, which is let through here alone: anywhere else it could come
  // just before the wait, and be noticed by nobody until the next key.
  static bool WaitForKey(EditLine* editor) {
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    sigdelset(&mask, SIGINT);
    pollfd keyboard = {.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    while (ppoll(&keyboard, 1, nullptr, &mask) < 0) {
      if (errno != EINTR || interrupted != 0) return false;
      el_resize(editor);  // the window's size has changed, for instance
    }
    return true;
  }

  static int ReadCharacter(EditLine* editor, wchar_t* character) {
    std::mbstate_t state = {};
    while (true) {
      if (!WaitForKey(editor)) return -1;
      char byte = 0;
      const ssize_t read = ::read(STDIN_FILENO, &byte, 1);
      if (read < 0 && errno == EINTR) continue;
      if (read <= 0) return static_cast<int>(read);
      const size_t bytes = std::mbrtowc(character, &byte, 1, &state);
      if (bytes == static_cast<size_t>(-1)) {  // not of the locale
        state = {};
        continue;
      }
      if (bytes != static_cast<size_t>(-2)) return 1;
    }
  }

  EditLine* editor_ = nullptr;
  History* history_ = nullptr;
  const char* prompt_ = "";
};

}  // namespace

std::unique_ptr<LineReader> NewLineReader() {
  if (isatty(STDIN_FILENO) != 0 && isatty(STDOUT_FILENO) != 0) {
    return std::make_unique<TerminalReader>();
  }
  return std::make_unique<PipeReader>();
}

}  // namespace firstlight
