#ifndef FIRSTLIGHT_TESTS_LOADER_RESIDENCY_UNPRIVILEGED_H_
#define FIRSTLIGHT_TESTS_LOADER_RESIDENCY_UNPRIVILEGED_H_

// Runs part of a test as a user that owns nothing, which is what a server in a correct container
// is. Needs root.

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <string>

#include "gtest/gtest.h"

namespace firstlight {

// What `body` returned, in a child process as user and group 65534: the empty string where all was
// well. The caller has no other threads.
inline std::string RunUnprivileged(const std::function<std::string()>& body) {
  std::array<int, 2> ends;
  if (pipe(ends.data()) != 0) return "no pipe";
  const pid_t child = fork();
  if (child == 0) {
    constexpr unsigned kNobody = 65534;
    std::string result = "the user cannot be changed";
    if (setgid(kNobody) == 0 && setuid(kNobody) == 0) {
      // Changing the user hides /proc/self from it; a process started by that user is not hidden.
      prctl(PR_SET_DUMPABLE, 1);
      result = body();
    }
    const ssize_t written = write(ends[1], result.data(), result.size());
    _exit(written == static_cast<ssize_t>(result.size()) ? 0 : 1);
  }
  close(ends[1]);
  std::string result;
  std::array<char, 256> buffer;
  ssize_t length = 0;
  while ((length = read(ends[0], buffer.data(), buffer.size())) > 0) {
    result.append(buffer.data(), static_cast<size_t>(length));
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? result : "the child has died: " + result;
}

}  // namespace firstlight

#endif  // FIRSTLIGHT_TESTS_LOADER_RESIDENCY_UNPRIVILEGED_H_
