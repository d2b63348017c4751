#include "tests/client/client_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "gtest/gtest.h"

extern char** environ;

namespace firstlight {
namespace {

std::string Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

}  // namespace

ClientProcess::ClientProcess(const std::vector<std::string>& arguments, const std::string& input) {
  std::ofstream(directory_.path() + "/input", std::ios::binary) << input;
  std::vector<std::string> words = {FIRSTLIGHT_PATH};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, (directory_.path() + "/input").c_str(),
                                   O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, (directory_.path() + "/output").c_str(),
                                   O_WRONLY | O_CREAT, 0600);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, (directory_.path() + "/errors").c_str(),
                                   O_WRONLY | O_CREAT, 0600);
  EXPECT_EQ(posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ), 0);
  posix_spawn_file_actions_destroy(&actions);
}

ClientProcess::~ClientProcess() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void ClientProcess::Signal(int signal) const { kill(pid_, signal); }

ClientProcess::Exit ClientProcess::WaitForExit() {
  int status = 0;
  EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
  pid_ = -1;
  return {.code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status),
          .output = Contents(directory_.path() + "/output"),
          .errors = Contents(directory_.path() + "/errors")};
}

ClientProcess::Exit ClientProcess::Run(const std::vector<std::string>& arguments,
                                       const std::string& input) {
  return ClientProcess(arguments, input).WaitForExit();
}

}  // namespace firstlight
