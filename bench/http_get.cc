#include "bench/http_get.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace firstlight {
namespace {

// Everything that `fd` answers to `request`.
std::string Exchange(int fd, const std::string& request) {
  std::string answer;
  if (write(fd, request.data(), request.size()) != static_cast<ssize_t>(request.size())) {
    return answer;
  }
  char buffer[65536];
  ssize_t count = 0;
  while ((count = read(fd, buffer, sizeof(buffer))) > 0) {
    answer.append(buffer, static_cast<size_t>(count));
  }
  return answer;
}

}  // namespace

absl::StatusOr<std::string> HttpGet(int port, const std::string& path) {
  const std::string where = absl::StrCat("127.0.0.1:", port, path);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return absl::UnavailableError(absl::StrCat(where, ": ", std::strerror(errno)));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  std::string answer;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    answer = Exchange(
        fd, absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n"));
  }
  close(fd);
  const size_t head = answer.find("\r\n\r\n");
  if (head == std::string::npos || !absl::StartsWith(answer, "HTTP/1.1 200 ")) {
    return absl::UnavailableError(
        absl::StrCat(where, ": expected 200, found \"", answer.substr(0, 32), "\""));
  }
  return answer.substr(head + 4);
}

}  // namespace firstlight
