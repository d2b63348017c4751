#ifndef FIRSTLIGHT_TESTS_CLIENT_CLIENT_PROCESS_H_
#define FIRSTLIGHT_TESTS_CLIENT_CLIENT_PROCESS_H_

// The real `firstlight` as a child process.

#include <sys/types.h>

#include <string>
#include <vector>

#include "tests/loader/temporary_directory.h"

namespace firstlight {

class ClientProcess {
 public:
  struct Exit {
    int code = -1;  // 128 + signal when one killed it
    std::string output;
    std::string errors;
  };

  // Runs `firstlight ARGUMENTS`, with `input` as its standard input.
  explicit ClientProcess(const std::vector<std::string>& arguments, const std::string& input = "");
  // SIGKILL where it still runs.
  ~ClientProcess();
  ClientProcess(const ClientProcess&) = delete;
  ClientProcess& operator=(const ClientProcess&) = delete;

  void Signal(int signal) const;
  Exit WaitForExit();

  static Exit Run(const std::vector<std::string>& arguments, const std::string& input = "");

 private:
  TemporaryDirectory directory_;
  pid_t pid_ = -1;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_TESTS_CLIENT_CLIENT_PROCESS_H_
