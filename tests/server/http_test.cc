#include "server/http.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/loader/status_matchers.h"
#include "tests/server/support/http_get.h"

namespace firstlight {
namespace {

using ::testing::HasSubstr;

TEST(HttpTest, MetricsAndHealth) {
  absl::Status health = absl::OkStatus();
  const auto server = HttpServer::Create({.address = "127.0.0.1:0",
                                          .metrics = [] { return "a_metric 1\n"; },
                                          .healthy = [&] { return health; }});
  ASSERT_THAT(server, IsOk());
  const std::string& address = (*server)->address();
  EXPECT_EQ(HttpGet(address, "/metrics").status, 200);
  EXPECT_EQ(HttpGet(address, "/metrics").body, "a_metric 1\n");
  EXPECT_EQ(HttpGet(address, "/healthz").status, 200);
  health = absl::UnavailableError("draining");
  EXPECT_EQ(HttpGet(address, "/healthz").status, 503);
  EXPECT_EQ(HttpGet(address, "/healthz").body, "draining\n");
  EXPECT_EQ(HttpGet(address, "/etc/passwd").status, 404);
  EXPECT_EQ(HttpGet(address, "/").status, 404);
}

// A connection to HOST:PORT that says nothing.
class SilentConnection {
 public:
  explicit SilentConnection(const std::string& address)
      : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to = {};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(static_cast<uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
  }
  ~SilentConnection() { close(fd_); }

  // Whether the server has not given it up.
  bool open() const {
    char byte;
    return recv(fd_, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
  }

 private:
  const int fd_;
};

TEST(HttpTest, AFewSilentConnectionsKeepNobodyWaiting) {
  const auto server = HttpServer::Create({.address = "127.0.0.1:0",
                                          .metrics = [] { return "a_metric 1\n"; },
                                          .healthy = [] { return absl::OkStatus(); }});
  ASSERT_THAT(server, IsOk());
  std::vector<std::unique_ptr<SilentConnection>> silent(6);
  for (auto& connection : silent) {
    connection = std::make_unique<SilentConnection>((*server)->address());
  }
  EXPECT_EQ(HttpGet((*server)->address(), "/healthz").status, 200);
  // It did not have to wait until the server gave one of them up.
  for (const auto& connection : silent) EXPECT_TRUE(connection->open());
}

TEST(HttpTest, APortInUseIsAnError) {
  const HttpServer::Options options = {.address = "127.0.0.1:0",
                                       .metrics = [] { return ""; },
                                       .healthy = [] { return absl::OkStatus(); }};
  const auto first = HttpServer::Create(options);
  ASSERT_THAT(first, IsOk());
  HttpServer::Options again = options;
  again.address = (*first)->address();
  EXPECT_THAT(HttpServer::Create(again),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr(again.address)));
}

}  // namespace
}  // namespace firstlight
