#include "server/http.h"

#include <civetweb.h>

#include <cstring>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "loader/base/mutex.h"

namespace firstlight {
namespace {

constexpr char kMetricsType[] = "text/plain; version=0.0.4; charset=utf-8";
constexpr char kPlainType[] = "text/plain; charset=utf-8";

// Answers with `body`; the status is also what the handler returns.
int Answer(mg_connection* connection, int status, const char* type, const std::string& body) {
  const char* const reason = status == 200   ? "OK"
                             : status == 404 ? "Not Found"
                             : status == 405 ? "Method Not Allowed"
                                             : "Service Unavailable";
  const bool head = std::strcmp(mg_get_request_info(connection)->request_method, "HEAD") == 0;
  mg_printf(connection,
            "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
            "Cache-Control: no-store\r\nConnection: close\r\n\r\n",
            status, reason, type, body.size());
  if (!head) mg_write(connection, body.data(), body.size());
  return status;
}

int Handle(mg_connection* connection, void* data) {
  const auto& options = *static_cast<const HttpServer::Options*>(data);
  const mg_request_info* const request = mg_get_request_info(connection);
  const std::string_view method = request->request_method;
  const std::string_view path = request->local_uri;
  if (path != "/metrics" && path != "/healthz") {
    return Answer(connection, 404, kPlainType, "here are /metrics and /healthz\n");
  }
  if (method != "GET" && method != "HEAD") {
    return Answer(connection, 405, kPlainType, "use GET\n");
  }
  if (path == "/metrics") return Answer(connection, 200, kMetricsType, options.metrics());
  const absl::Status status = options.healthy();
  if (status.ok()) return Answer(connection, 200, kPlainType, "ok\n");
  return Answer(connection, 503, kPlainType, absl::StrCat(status.message(), "\n"));
}

}  // namespace

// civetweb tells why it could not start through its log alone. Its threads may log later, too.
struct HttpServer::FirstComplaint {
  static int Keep(const mg_connection* connection, const char* message) {
    auto* const kept = static_cast<FirstComplaint*>(mg_get_user_data(mg_get_context(connection)));
    if (kept == nullptr) return 1;
    MutexLock lock(&kept->mutex);
    if (kept->text.empty()) kept->text = message;
    return 1;
  }

  Mutex mutex;
  std::string text ABSL_GUARDED_BY(mutex);
};

HttpServer::HttpServer(Options options)
    : options_(std::move(options)), complaint_(std::make_unique<FirstComplaint>()) {}

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Create(Options options) {
  std::unique_ptr<HttpServer> server(new HttpServer(std::move(options)));
  const std::string address = server->options_.address;
  static const unsigned features = mg_init_library(0);
  static_cast<void>(features);
  mg_callbacks callbacks = {};
  callbacks.log_message = &FirstComplaint::Keep;
  // A connection that sends nothing holds a thread until the timeout: a few of them must not keep
  // probes and scrapes waiting.
  const char* settings[] = {"listening_ports",
                            address.c_str(),
                            "num_threads",
                            "8",
                            "request_timeout_ms",
                            "5000",
                            "enable_keep_alive",
                            "no",
                            "linger_timeout_ms",
                            "1000",
                            "max_request_size",
                            "8192",
                            nullptr};
  server->context_ = mg_start(&callbacks, server->complaint_.get(), settings);
  if (server->context_ == nullptr) {
    MutexLock lock(&server->complaint_->mutex);
    return absl::UnavailableError(absl::StrCat(address, ": ", server->complaint_->text));
  }
  mg_set_request_handler(server->context_, "**", &Handle, const_cast<Options*>(&server->options_));
  mg_server_port port = {};
  mg_get_server_ports(server->context_, 1, &port);
  server->address_ = absl::StrCat(address.substr(0, address.rfind(':')), ":", port.port);
  return server;
}

HttpServer::~HttpServer() {
  if (context_ != nullptr) mg_stop(context_);
}

}  // namespace firstlight
