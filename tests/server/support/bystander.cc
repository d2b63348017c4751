#include "tests/server/support/bystander.h"

#include <utility>

#include "absl/time/clock.h"
#include "gtest/gtest.h"

namespace firstlight {

Bystander::Bystander(const ServerProcess& server, const std::string& model, int max_tokens)
    : server_(server), request_(TokenRequest(max_tokens, model)) {
  const Generated first = RunGenerate(server_.Generation().get(), request_);
  EXPECT_TRUE(first.status.ok()) << first.status.error_message();
  tokens_ = first.token_ids();
  EXPECT_EQ(static_cast<int>(tokens_.size()), max_tokens);
  thread_ = std::thread([this] { Run(); });
}

Bystander::~Bystander() { Stop(); }

void Bystander::Run() {
  while (Account(RunGenerate(server_.Generation().get(), request_))) {
  }
}

bool Bystander::Account(const Generated& answer) {
  MutexLock lock(&mutex_);
  if (stopped_) return false;
  if (draining_ && answer.status.error_code() == grpc::StatusCode::UNAVAILABLE &&
      answer.messages.empty()) {
    return false;
  }
  EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.token_ids(), tokens_);
  ++answers_;
  changed_.SignalAll();
  return true;
}

void Bystander::AwaitAnswers() {
  const absl::Time limit = absl::Now() + kPatience;
  MutexLock lock(&mutex_);
  const int wanted = answers_ + 3;
  while (answers_ < wanted && absl::Now() < limit) {
    changed_.WaitWithTimeout(&mutex_, limit - absl::Now());
  }
  EXPECT_GE(answers_, wanted) << server_.log();
}

void Bystander::ExpectDrain() {
  MutexLock lock(&mutex_);
  draining_ = true;
}

void Bystander::Stop() {
  {
    MutexLock lock(&mutex_);
    stopped_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

}  // namespace firstlight
