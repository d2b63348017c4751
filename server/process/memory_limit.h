#ifndef FIRSTLIGHT_SERVER_PROCESS_MEMORY_LIMIT_H_
#define FIRSTLIGHT_SERVER_PROCESS_MEMORY_LIMIT_H_

// How much memory this process may use: the least of the machine's and of the limits of the control
// groups (v1 or v2) that it is in, up to the root.

#include <cstdint>
#include <string>

namespace firstlight {

// Bytes; at least 1. `root` is "/" but in tests: /proc and /sys are read below it.
int64_t AllowedMemoryBytes(const std::string& root = "/");

// The default of --kv-cache-bytes: a quarter of the memory allowed, so that most of it stays for
// the page cache that holds the weights. It is a bound: memory is touched only when it is used.
int64_t DefaultKvCacheBytes(int64_t allowed_memory_bytes);

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_PROCESS_MEMORY_LIMIT_H_
