#ifndef FIRSTLIGHT_SERVER_HTTP_H_
#define FIRSTLIGHT_SERVER_HTTP_H_

// The HTTP side door: GET /metrics and GET /healthz (200, or 503 with the reason), nothing else. No
// file is ever served. Eight threads and short time limits, so that a slow scraper harms nobody.

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct mg_context;

namespace firstlight {

class HttpServer {
 public:
  struct Options {
    std::string address;                    // HOST:PORT; port 0 takes a free one
    std::function<std::string()> metrics;   // the text exposition; any of the server's threads
    std::function<absl::Status()> healthy;  // likewise
  };

  // Listens when it returns. UNAVAILABLE naming the address when it cannot.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Create(Options options);
  // Waits for requests under way.
  ~HttpServer();

  // HOST:PORT with the port in use.
  const std::string& address() const { return address_; }

 private:
  struct FirstComplaint;

  explicit HttpServer(Options options);

  const Options options_;
  const std::unique_ptr<FirstComplaint> complaint_;
  std::string address_;
  mg_context* context_ = nullptr;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_HTTP_H_
