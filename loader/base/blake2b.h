#ifndef FIRSTLIGHT_LOADER_BASE_BLAKE2B_H_
#define FIRSTLIGHT_LOADER_BASE_BLAKE2B_H_

// BLAKE2b with a digest of 256 bits and no key (RFC 7693): names content by what it is. Nobody can
// make two contents with one digest. About 1 GB/s.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace firstlight {

class Blake2b {
 public:
  using Digest = std::array<uint8_t, 32>;

  Blake2b();

  void Update(std::string_view bytes);
  // Once, at the end.
  Digest Finish();

 private:
  static constexpr size_t kBlockBytes = 128;

  void Compress(const char* block, bool last);

  std::array<uint64_t, 8> state_;
  std::array<char, kBlockBytes> buffer_{};
  size_t buffered_ = 0;
  uint64_t total_bytes_ = 0;  // compressed
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_LOADER_BASE_BLAKE2B_H_
