#include "tests/server/support/server_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"

extern char** environ;

namespace firstlight {
namespace {

bool Names(const std::vector<std::string>& arguments, const std::string& flag) {
  return std::find(arguments.begin(), arguments.end(), flag) != arguments.end();
}

// The value of `key=` in a line of the log.
std::string Field(const std::string& line, const std::string& key) {
  const size_t start = line.find(absl::StrCat(" ", key, "="));
  if (start == std::string::npos) return "";
  const size_t value = start + key.size() + 2;
  return line.substr(value, line.find_first_of(" \n", value) - value);
}

}  // namespace

ServerProcess::ServerProcess(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), FIRSTLIGHTD_PATH);
  const auto default_to = [&](const std::string& flag, const std::string& value) {
    if (Names(arguments, flag)) return;
    arguments.push_back(flag);
    arguments.push_back(value);
  };
  default_to("--listen", "127.0.0.1:0");
  default_to("--admin-listen", "127.0.0.1:0");
  default_to("--metrics-listen", "127.0.0.1:0");
  default_to("--drain-delay", "0s");
  // Tests do not depend on what earlier ones left behind.
  default_to("--cache-dir", "none");
  int fds[2];
  EXPECT_EQ(pipe2(fds, O_CLOEXEC), 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, fds[1], STDERR_FILENO);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  EXPECT_EQ(posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ), 0) << argv[0];
  posix_spawn_file_actions_destroy(&actions);
  close(fds[1]);
  reader_ = std::thread([this, fd = fds[0]] { ReadLog(fd); });
}

ServerProcess::~ServerProcess() {
  if (running()) Signal(SIGKILL);
  reader_.join();
}

// Ends with the process: nobody else holds the other end of the pipe.
void ServerProcess::ReadLog(int fd) {
  char buffer[4096];
  ssize_t count = 0;
  while ((count = read(fd, buffer, sizeof(buffer))) > 0) {
    {
      MutexLock lock(&mutex_);
      log_.append(buffer, static_cast<size_t>(count));
    }
    changed_.SignalAll();
  }
  close(fd);
  int status = 0;
  waitpid(pid_, &status, 0);
  {
    MutexLock lock(&mutex_);
    ended_ = true;
    exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  changed_.SignalAll();
}

ServerProcess::Exit ServerProcess::RunToExit(std::vector<std::string> arguments) {
  return ServerProcess(std::move(arguments)).WaitForExit();
}

bool ServerProcess::WaitForLog(const std::string& text) {
  const absl::Time limit = absl::Now() + kPatience;
  MutexLock lock(&mutex_);
  while (!absl::StrContains(log_, text)) {
    if (ended_ || absl::Now() > limit) return false;
    changed_.WaitWithTimeout(&mutex_, limit - absl::Now());
  }
  return true;
}

bool ServerProcess::AwaitServing() {
  if (!WaitForLog(" since_exec=")) return false;
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(log(), '\n'))) {
    if (!absl::StrContains(line, " info serving ")) continue;
    address_ = Field(line, "listen");
    admin_address_ = Field(line, "admin_listen");
    metrics_address_ = Field(line, "metrics_listen");
  }
  return !address_.empty();
}

std::string ServerProcess::log() const {
  MutexLock lock(&mutex_);
  return log_;
}

void ServerProcess::Signal(int signal) const { kill(pid_, signal); }

bool ServerProcess::running() const {
  MutexLock lock(&mutex_);
  return !ended_;
}

ServerProcess::Exit ServerProcess::WaitForExit() {
  const absl::Time limit = absl::Now() + kPatience;
  MutexLock lock(&mutex_);
  while (!ended_) {
    if (absl::Now() > limit) {
      ADD_FAILURE() << "the server did not end:\n" << log_;
      break;
    }
    changed_.WaitWithTimeout(&mutex_, limit - absl::Now());
  }
  return {exit_code_, log_};
}

std::shared_ptr<grpc::Channel> ServerProcess::NewChannel(const std::string& address) {
  grpc::ChannelArguments arguments;
  // A connection of its own for each channel, with a window that does not grow with its speed: how
  // much a client that does not read takes in is then known.
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // For a server that does not listen yet: the least that gRPC allows.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

std::unique_ptr<v1::GenerationService::Stub> ServerProcess::Generation() const {
  return v1::GenerationService::NewStub(NewChannel(address_));
}

std::unique_ptr<v1::ModelAdminService::Stub> ServerProcess::Admin() const {
  return v1::ModelAdminService::NewStub(NewChannel(admin_address_));
}

std::unique_ptr<grpc::health::v1::Health::Stub> ServerProcess::Health() const {
  return grpc::health::v1::Health::NewStub(NewChannel(address_));
}

double ServerProcess::Metric(const std::string& series) const {
  const HttpAnswer answer = HttpGet(metrics_address_, "/metrics");
  for (const absl::string_view line : absl::StrSplit(answer.body, '\n')) {
    double value = 0;
    if (absl::StartsWith(line, absl::StrCat(series, " ")) &&
        absl::SimpleAtod(line.substr(series.size() + 1), &value)) {
      return value;
    }
  }
  return -1;
}

int64_t ServerProcess::AnonymousBytes() const {
  std::ifstream status(absl::StrCat("/proc/", pid_, "/status"));
  for (std::string line; std::getline(status, line);) {
    int64_t kibibytes = 0;
    const std::vector<absl::string_view> parts =
        absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    if (parts.size() == 3 && parts[0] == "RssAnon:" && absl::SimpleAtoi(parts[1], &kibibytes)) {
      return kibibytes * 1024;
    }
  }
  return -1;
}

bool ServerProcess::WaitForMetric(const std::string& series,
                                  const std::function<bool(double)>& condition) const {
  const absl::Time limit = absl::Now() + kPatience;
  while (!condition(Metric(series))) {
    if (absl::Now() > limit || !running()) return false;
  }
  return true;
}

std::string Generated::text() const {
  std::string text;
  for (const v1::GenerateResponse& message : messages) text += message.delta().text();
  return text;
}

std::vector<int32_t> Generated::token_ids() const {
  std::vector<int32_t> ids;
  for (const v1::GenerateResponse& message : messages) {
    for (const v1::Token& token : message.delta().tokens()) ids.push_back(token.id());
  }
  return ids;
}

Generated RunGenerate(v1::GenerationService::Stub* stub, const v1::GenerateRequest& request) {
  grpc::ClientContext context;
  const auto stream = stub->Generate(&context, request);
  Generated generated;
  v1::GenerateResponse message;
  while (stream->Read(&message)) generated.messages.push_back(message);
  generated.status = stream->Finish();
  return generated;
}

v1::GenerateRequest TokenRequest(int max_tokens, const std::string& model) {
  v1::GenerateRequest request;
  request.set_model(model);
  for (const int32_t id : {5, 17, 42}) request.mutable_prompt_token_ids()->add_ids(id);
  request.mutable_sampling()->set_temperature(0);
  request.mutable_stopping()->set_ignore_eos(true);
  request.mutable_stopping()->set_max_tokens(max_tokens);
  request.mutable_output()->set_token_ids(true);
  return request;
}

}  // namespace firstlight
