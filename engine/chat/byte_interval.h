#ifndef FIRSTLIGHT_ENGINE_CHAT_BYTE_INTERVAL_H_
#define FIRSTLIGHT_ENGINE_CHAT_BYTE_INTERVAL_H_

#include <cstddef>

namespace firstlight {

// The bytes [begin, end) of a text.
struct ByteInterval {
  size_t begin = 0;
  size_t end = 0;

  friend bool operator==(const ByteInterval&, const ByteInterval&) = default;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_CHAT_BYTE_INTERVAL_H_
