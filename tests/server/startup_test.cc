// What the daemon says and does at its start: options, listeners, models that do not load.

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/loader/temporary_directory.h"
#include "tests/server/support/checkpoints.h"
#include "tests/server/support/server_process.h"

namespace firstlight {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(StartupTest, AnEmptyServerServes) {
  ServerProcess server({});
  ASSERT_TRUE(server.AwaitServing()) << server.log();
  grpc::ClientContext context;
  grpc::health::v1::HealthCheckResponse health;
  ASSERT_TRUE(server.Health()->Check(&context, {}, &health).ok());
  EXPECT_EQ(health.status(), grpc::health::v1::HealthCheckResponse::SERVING);
  EXPECT_EQ(HttpGet(server.metrics_address(), "/healthz").status, 200);
  const Generated generated = RunGenerate(server.Generation().get(), TokenRequest(1));
  EXPECT_EQ(generated.status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(ErrorInfoOf(generated.status).reason(), "MODEL_NOT_FOUND");
  server.Signal(SIGTERM);
  EXPECT_EQ(server.WaitForExit().code, 0);
}

TEST(StartupTest, AClosedTerminalStopsItAsAskedUnlessItWasToldToIgnoreThat) {
  ServerProcess stopped({});
  ASSERT_TRUE(stopped.AwaitServing()) << stopped.log();
  stopped.Signal(SIGHUP);
  EXPECT_EQ(stopped.WaitForExit().code, 0);

  const auto before = std::signal(SIGHUP, SIG_IGN);  // which a child inherits
  ServerProcess ignoring({});
  std::signal(SIGHUP, before);
  ASSERT_TRUE(ignoring.AwaitServing()) << ignoring.log();
  ignoring.Signal(SIGHUP);
  EXPECT_EQ(HttpGet(ignoring.metrics_address(), "/healthz").status, 200);
  ignoring.Signal(SIGTERM);
  const ServerProcess::Exit exit = ignoring.WaitForExit();
  EXPECT_EQ(exit.code, 0);
  // The first signal that counted: a second one ends it without a word.
  EXPECT_THAT(exit.log, HasSubstr(" stopped"));
}

TEST(StartupTest, TheSecondStartMapsTheTokenizerThatTheFirstOneCompiled) {
  const TemporaryDirectory cache;
  const std::vector<std::string> arguments = {
      "--model",    "a=" + DemoCheckpoint(), "--model", "b=" + DemoCheckpoint(), "--cache-dir",
      cache.path(), "--log-level",           "debug"};
  std::string texts[2];
  for (const char* origin : {"files", "image"}) {
    ServerProcess server(arguments);
    ASSERT_TRUE(server.WaitForLog(absl::StrCat("from=", origin))) << server.log();
    // The other model has the same.
    ASSERT_TRUE(server.WaitForLog("from=shared")) << server.log();
    ASSERT_TRUE(server.AwaitServing());
    v1::GenerateRequest request;
    request.set_model("b");
    request.set_prompt("Once upon a time");
    request.mutable_sampling()->set_temperature(0);
    const Generated generated = RunGenerate(server.Generation().get(), request);
    ASSERT_TRUE(generated.status.ok()) << generated.status.error_message();
    texts[origin == std::string("image") ? 1 : 0] = generated.text();
  }
  EXPECT_NE(texts[0], "");
  EXPECT_EQ(texts[0], texts[1]);
}

// The system ends the process in the very write that crosses the limit, as a kill would there.
TEST(StartupTest, KilledInTheMiddleOfACacheWriteTheNextStartIsRight) {
  v1::TokenizeRequest request;
  request.set_text("Once upon a time");
  const auto tokenize = [&](const ServerProcess& server) {
    grpc::ClientContext context;
    v1::TokenizeResponse response;
    const grpc::Status status = server.Generation()->Tokenize(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return std::vector<int32_t>(response.token_ids().begin(), response.token_ids().end());
  };
  const TemporaryDirectory cache;
  const std::vector<std::string> arguments = {"--model",    "m=" + DemoCheckpoint(), "--cache-dir",
                                              cache.path(), "--log-level",           "debug"};
  std::vector<int32_t> expected;
  {
    ServerProcess uncached({"--model", "m=" + DemoCheckpoint()});
    ASSERT_TRUE(uncached.AwaitServing()) << uncached.log();
    expected = tokenize(uncached);
  }
  EXPECT_FALSE(expected.empty());
  {
    ServerProcess first(arguments);
    ASSERT_TRUE(first.WaitForLog("from=files")) << first.log();
  }
  ASSERT_EQ(CachedTokenizers(cache.path(), ".image").size(), 1u);
  const std::filesystem::path image = CachedTokenizers(cache.path(), ".image").front();
  const auto size = std::filesystem::file_size(image);
  for (const rlim_t limit : {rlim_t{0}, rlim_t{1}, size / 2, size - 1}) {
    SCOPED_TRACE(limit);
    std::filesystem::remove_all(image.parent_path());
    rlimit before = {};
    ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
    const rlimit short_files = {.rlim_cur = limit, .rlim_max = before.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &short_files), 0);
    ServerProcess killed(arguments);  // inherits it
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
    EXPECT_EQ(killed.WaitForExit().code, 128 + SIGXFSZ);
    EXPECT_FALSE(std::filesystem::exists(image));
    EXPECT_EQ(CachedTokenizers(cache.path(), ".unfinished").size(), 1u);
    for (const char* origin : {"files", "image"}) {
      ServerProcess next(arguments);
      ASSERT_TRUE(next.WaitForLog(absl::StrCat("from=", origin))) << next.log();
      ASSERT_TRUE(next.AwaitServing()) << next.log();
      EXPECT_EQ(tokenize(next), expected);
    }
  }
}

TEST(StartupTest, BadOptionsExitWithTwo) {
  const ServerProcess::Exit exit = ServerProcess::RunToExit({"--max-queue", "0"});
  EXPECT_EQ(exit.code, 2);
  EXPECT_THAT(exit.log, AllOf(HasSubstr("--max-queue"), HasSubstr("found \"0\"")));
  EXPECT_EQ(ServerProcess::RunToExit({"--model-root", "/no/such/root"}).code, 2);
}

// Names and paths may come from where nobody looked at them: what is said of them at the start must
// neither move the cursor of a terminal nor forge a line.
TEST(StartupTest, ErrorsEscapeControlCharacters) {
  const std::string hostile = "a\nfirstlightd: all is well\x1b[2J\xc2\x9b\xff";
  const std::vector<std::vector<std::string>> command_lines = {
      {"--check-config", "--model", "m=/no/such/" + hostile},
      {"--check-config", "--model", hostile + "=/no/such"},
      {"--model-root", "/no/such/" + hostile},
      {"--listen", hostile},
      {"--log-level", hostile},
      {"--config", "/no/such/" + hostile},
      {"--" + hostile},
      {hostile}};
  for (const std::vector<std::string>& arguments : command_lines) {
    const ServerProcess::Exit exit = ServerProcess::RunToExit(arguments);
    EXPECT_NE(exit.code, 0) << arguments.front();
    EXPECT_THAT(exit.log, HasSubstr("all is well"));
    EXPECT_THAT(exit.log, Not(HasSubstr("\nfirstlightd: all is well")));
    for (const char* raw : {"\x1b", "\xc2\x9b", "\xff"}) {
      EXPECT_THAT(exit.log, Not(HasSubstr(raw))) << arguments.front();
    }
  }
}

TEST(StartupTest, CheckConfigLoadsAndExits) {
  EXPECT_EQ(ServerProcess::RunToExit({"--check-config", "--model", "m=" + GoldenCheckpoint()}).code,
            0);
  const ServerProcess::Exit bad =
      ServerProcess::RunToExit({"--check-config", "--model", "m=/none", "--model", "n=/nowhere"});
  EXPECT_EQ(bad.code, 1);
  EXPECT_THAT(bad.log, AllOf(HasSubstr("m=/none: "), HasSubstr("n=/nowhere: ")));
}

// A TCP port of 127.0.0.1 that is listened on until it is closed.
class TakenPort {
 public:
  TakenPort() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(fd_, 1), 0);
    EXPECT_EQ(getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    address_ = absl::StrCat("127.0.0.1:", ntohs(address.sin_port));
  }
  ~TakenPort() { close(fd_); }
  const std::string& address() const { return address_; }

 private:
  const int fd_;
  std::string address_;
};

TEST(StartupTest, APortInUseOnEachListenerIsAClearErrorAndExitsWithOne) {
  const TakenPort taken;
  for (const char* flag : {"--listen", "--admin-listen", "--metrics-listen"}) {
    const ServerProcess::Exit exit = ServerProcess::RunToExit({flag, taken.address()});
    EXPECT_EQ(exit.code, 1) << flag;
    EXPECT_THAT(exit.log, AllOf(HasSubstr(flag), HasSubstr(taken.address()), HasSubstr("in use")));
  }
}

TEST(StartupTest, ASecondDaemonCannotShareThePorts) {
  ServerProcess first({});
  ASSERT_TRUE(first.AwaitServing()) << first.log();
  EXPECT_EQ(ServerProcess::RunToExit({"--listen", first.address()}).code, 1);
  EXPECT_EQ(ServerProcess::RunToExit({"--admin-listen", first.admin_address()}).code, 1);
  EXPECT_EQ(ServerProcess::RunToExit({"--metrics-listen", first.metrics_address()}).code, 1);
}

TEST(StartupTest, UnixSocketsServeAndAreNotStolen) {
  const TemporaryDirectory directory;
  const std::string address = "unix:" + directory.File("generation.sock");
  {
    ServerProcess server(
        {"--listen", address, "--admin-listen", "unix:" + directory.File("admin.sock")});
    ASSERT_TRUE(server.AwaitServing()) << server.log();
    grpc::ClientContext context;
    grpc::health::v1::HealthCheckResponse health;
    ASSERT_TRUE(server.Health()->Check(&context, {}, &health).ok());
    const ServerProcess::Exit second = ServerProcess::RunToExit({"--listen", address});
    EXPECT_EQ(second.code, 1);
    EXPECT_THAT(second.log, HasSubstr("in use"));
    server.Signal(SIGKILL);  // leaves the sockets behind
    server.WaitForExit();
  }
  ServerProcess again({"--listen", address});
  EXPECT_TRUE(again.AwaitServing()) << again.log();
  const std::string file = directory.Write("plain", "not a socket");
  EXPECT_EQ(ServerProcess::RunToExit({"--listen", "unix:" + file}).code, 1);
}

TEST(StartupTest, AnUnreadableModelAmongSeveralLeavesTheOthersServing) {
  ServerProcess server({"--model", "good=" + GoldenCheckpoint(), "--model", "bad=/no/such/dir"});
  ASSERT_TRUE(server.AwaitServing()) << server.log();
  v1::GenerateRequest request = TokenRequest(2);
  request.set_model("good");
  EXPECT_TRUE(RunGenerate(server.Generation().get(), request).status.ok());
  request.set_model("bad");
  const Generated bad = RunGenerate(server.Generation().get(), request);
  EXPECT_EQ(bad.status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(bad.status.error_message(), HasSubstr("/no/such/dir"));
  EXPECT_EQ(ErrorInfoOf(bad.status).reason(), "MODEL_FAILED");
  // Without a name: the only one that works.
  request.clear_model();
  EXPECT_TRUE(RunGenerate(server.Generation().get(), request).status.ok());
  for (const auto& [name, expected] :
       {std::pair("good", grpc::health::v1::HealthCheckResponse::SERVING),
        std::pair("bad", grpc::health::v1::HealthCheckResponse::NOT_SERVING),
        std::pair("", grpc::health::v1::HealthCheckResponse::SERVING)}) {
    grpc::ClientContext context;
    grpc::health::v1::HealthCheckRequest check;
    check.set_service(name);
    grpc::health::v1::HealthCheckResponse health;
    ASSERT_TRUE(server.Health()->Check(&context, check, &health).ok());
    EXPECT_EQ(health.status(), expected) << name;
  }
}

TEST(StartupTest, WhatOfTheGenerationConfigIsIgnoredIsLogged) {
  const TemporaryDirectory directory;
  const std::string path = CopyCheckpoint(GoldenCheckpoint(), directory, "m");
  directory.Write("m/generation_config.json", R"({"num_beams": 4, "suppress_tokens": [7]})");
  ServerProcess server({"--model", "m=" + path});
  ASSERT_TRUE(server.AwaitServing()) << server.log();
  EXPECT_TRUE(
      server.WaitForLog(" warning generation config model=m version=1 "
                        "ignored=num_beams,suppress_tokens reason="))
      << server.log();
}

TEST(StartupTest, NoneOfSeveralExitsWithOneAndSaysWhyForEach) {
  const ServerProcess::Exit exit =
      ServerProcess::RunToExit({"--model", "a=/no/such/a", "--model", "b=/no/such/b"});
  EXPECT_EQ(exit.code, 1);
  EXPECT_THAT(exit.log, AllOf(HasSubstr("/no/such/a"), HasSubstr("/no/such/b")));
}

}  // namespace
}  // namespace firstlight
