#ifndef FIRSTLIGHT_TESTS_SERVER_SUPPORT_BYSTANDER_H_
#define FIRSTLIGHT_TESTS_SERVER_SUPPORT_BYSTANDER_H_

// A model under load that must not notice what a test does to another of the same server: it
// answers request after request, always the same, or the test fails.

#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "loader/base/mutex.h"
#include "tests/server/support/server_process.h"

namespace firstlight {

class Bystander {
 public:
  // Asks `model` for the tokens that all further answers have to be, and goes on asking. `server`
  // serves, and outlives this.
  Bystander(const ServerProcess& server, const std::string& model, int max_tokens);
  // As Stop, without waiting for answers.
  ~Bystander();
  Bystander(const Bystander&) = delete;
  Bystander& operator=(const Bystander&) = delete;

  const std::vector<int32_t>& tokens() const { return tokens_; }
  // Fails the test when it does not answer three times more.
  void AwaitAnswers();
  // The server is about to be told to end: a request that it has not admitted may be refused.
  void ExpectDrain();
  // Ends asking.
  void Stop();

 private:
  void Run();
  // Whether to go on.
  bool Account(const Generated& answer);

  const ServerProcess& server_;
  const v1::GenerateRequest request_;
  std::vector<int32_t> tokens_;
  Mutex mutex_;
  CondVar changed_;
  int answers_ ABSL_GUARDED_BY(mutex_) = 0;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_TESTS_SERVER_SUPPORT_BYSTANDER_H_
