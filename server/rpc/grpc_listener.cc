#include "server/rpc/grpc_listener.h"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/resource_quota.h"

namespace firstlight {
namespace {

// Requests being received, both directions of HTTP/2 included: what a crowd of clients with the
// largest messages can make the process hold.
constexpr size_t kTransportMemoryBytes = size_t{512} << 20;

// HTTP/2 pins a client to one server; a connection this old is asked to go and come again, so that
// a load balancer can choose anew. The grace has no end: a stream is never cut for it.
constexpr absl::Duration kMaxConnectionAge = absl::Minutes(30);

// A client whose machine vanished is noticed, and its requests cancelled, after about these two.
constexpr absl::Duration kKeepaliveTime = absl::Seconds(60);
constexpr absl::Duration kKeepaliveTimeout = absl::Seconds(20);

constexpr absl::string_view kUnixPrefix = "unix:";

int Milliseconds(absl::Duration duration) {
  return static_cast<int>(absl::ToInt64Milliseconds(duration));
}

bool IsUnix(const std::string& address) { return absl::StartsWith(address, kUnixPrefix); }

sockaddr_un UnixAddress(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  return address;
}

// gRPC removes a socket that is in the way without asking. OK when nobody listens there.
absl::Status CheckUnixSocketFree(const std::string& path) {
  struct stat info = {};
  if (lstat(path.c_str(), &info) != 0) return absl::OkStatus();
  if (!S_ISSOCK(info.st_mode)) return absl::UnavailableError("is a file that is not a socket");
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return absl::ResourceExhaustedError(strerror(errno));
  const sockaddr_un address = UnixAddress(path);
  const bool listening =
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  return listening ? absl::UnavailableError("address already in use") : absl::OkStatus();
}

// gRPC tells that it could not bind, in its log and not in full. Binds once more to learn why.
std::string WhyNot(const std::string& address) {
  if (IsUnix(address)) {
    const sockaddr_un unix_address = UnixAddress(address.substr(kUnixPrefix.size()));
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return strerror(errno);
    const int result =
        bind(fd, reinterpret_cast<const sockaddr*>(&unix_address), sizeof(unix_address));
    const int error = errno;
    close(fd);
    return result == 0 ? "cannot listen" : strerror(error);
  }
  const size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const int lookup = getaddrinfo(host.c_str(), address.substr(colon + 1).c_str(), &hints, &found);
  if (lookup != 0) return gai_strerror(lookup);
  std::string reason = "cannot listen";
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    const int fd = socket(one->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
      reason = strerror(errno);
      continue;
    }
    if (bind(fd, one->ai_addr, one->ai_addrlen) != 0) reason = strerror(errno);
    close(fd);
  }
  freeaddrinfo(found);
  return reason;
}

}  // namespace

void EnableReflection() { grpc::reflection::InitProtoReflectionServerBuilderPlugin(); }

absl::StatusOr<std::unique_ptr<GrpcListener>> GrpcListener::Create(const Options& options) {
  if (IsUnix(options.address)) {
    const absl::Status free = CheckUnixSocketFree(options.address.substr(kUnixPrefix.size()));
    if (!free.ok()) {
      return absl::UnavailableError(absl::StrCat(options.address, ": ", free.message()));
    }
  }
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(options.address, grpc::InsecureServerCredentials(), &port);
  // Without this a second server on the same port succeeds and takes half of the traffic.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, Milliseconds(kMaxConnectionAge));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, INT_MAX);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(kKeepaliveTime));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Milliseconds(kKeepaliveTimeout));
  builder.SetMaxReceiveMessageSize(options.max_receive_bytes);
  builder.SetResourceQuota(grpc::ResourceQuota("firstlight").Resize(kTransportMemoryBytes));
  for (grpc::Service* service : options.services) builder.RegisterService(service);
  std::unique_ptr<GrpcListener> listener(new GrpcListener);
  listener->server_ = builder.BuildAndStart();
  if (listener->server_ == nullptr || port == 0) {
    return absl::UnavailableError(absl::StrCat(options.address, ": ", WhyNot(options.address)));
  }
  listener->address_ =
      IsUnix(options.address)
          ? options.address
          : absl::StrCat(options.address.substr(0, options.address.rfind(':')), ":", port);
  return listener;
}

GrpcListener::~GrpcListener() { Shutdown(absl::ZeroDuration()); }

void GrpcListener::Shutdown(absl::Duration grace) {
  if (server_ == nullptr) return;
  server_->Shutdown(absl::ToChronoTime(absl::Now() + grace));
  server_->Wait();
  server_.reset();
}

}  // namespace firstlight
