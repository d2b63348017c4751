#ifndef FIRSTLIGHT_BENCH_HTTP_GET_H_
#define FIRSTLIGHT_BENCH_HTTP_GET_H_

#include <string>

#include "absl/status/statusor.h"

namespace firstlight {

// The body that 127.0.0.1:port answers `path` with. UNAVAILABLE for anything but 200.
absl::StatusOr<std::string> HttpGet(int port, const std::string& path);

}  // namespace firstlight

#endif  // FIRSTLIGHT_BENCH_HTTP_GET_H_
