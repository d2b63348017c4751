#include "loader/base/blake2b.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace firstlight {
namespace {

static_assert(std::endian::native == std::endian::little, "words are little-endian");

// RFC 7693, 2.6: the first words of the square roots of the first eight primes.
constexpr std::array<uint64_t, 8> kInitial = {
    0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
    0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179};

// RFC 7693, 2.7.
constexpr uint8_t kSigma[12][16] = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
                                    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
                                    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
                                    {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
                                    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
                                    {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
                                    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
                                    {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
                                    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
                                    {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
                                    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
                                    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3}};

// RFC 7693, 3.1.
inline void Mix(uint64_t& a, uint64_t& b, uint64_t& c, uint64_t& d, uint64_t x, uint64_t y) {
  a += b + x;
  d = std::rotr(d ^ a, 32);
  c += d;
  b = std::rotr(b ^ c, 24);
  a += b + y;
  d = std::rotr(d ^ a, 16);
  c += d;
  b = std::rotr(b ^ c, 63);
}

}  // namespace

Blake2b::Blake2b() : state_(kInitial) {
  // The parameter block: no key, fan-out and depth 1, the digest's length.
  state_[0] ^= 0x01010000 ^ sizeof(Digest);
}

void Blake2b::Update(std::string_view bytes) {
  while (!bytes.empty()) {
    // The last block is compressed by Finish, so a full buffer waits for what comes behind it.
    if (buffered_ == kBlockBytes) {
      total_bytes_ += kBlockBytes;
      Compress(buffer_.data(), /*last=*/false);
      buffered_ = 0;
    }
    if (buffered_ == 0) {
      while (bytes.size() > kBlockBytes) {
        total_bytes_ += kBlockBytes;
        Compress(&bytes.front(), /*last=*/false);
        bytes.remove_prefix(kBlockBytes);
      }
    }
    const size_t count = std::min(bytes.size(), kBlockBytes - buffered_);
    std::memcpy(buffer_.data() + buffered_, bytes.data(), count);
    buffered_ += count;
    bytes.remove_prefix(count);
  }
}

Blake2b::Digest Blake2b::Finish() {
  std::memset(buffer_.data() + buffered_, 0, kBlockBytes - buffered_);
  total_bytes_ += buffered_;
  Compress(buffer_.data(), /*last=*/true);
  Digest digest;
  std::memcpy(digest.data(), state_.data(), digest.size());
  return digest;
}

// RFC 7693, 3.2.
void Blake2b::Compress(const char* block, bool last) {
  uint64_t m[16];
  std::memcpy(m, block, sizeof(m));
  uint64_t v[16];
  std::copy(state_.begin(), state_.end(), v);
  std::copy(kInitial.begin(), kInitial.end(), v + 8);
  v[12] ^= total_bytes_;
  if (last) v[14] = ~v[14];
  for (const uint8_t(&s)[16] : kSigma) {
    Mix(v[0], v[4], v[8], v[12], m[s[0]], m[s[1]]);
    Mix(v[1], v[5], v[9], v[13], m[s[2]], m[s[3]]);
    Mix(v[2], v[6], v[10], v[14], m[s[4]], m[s[5]]);
    Mix(v[3], v[7], v[11], v[15], m[s[6]], m[s[7]]);
    Mix(v[0], v[5], v[10], v[15], m[s[8]], m[s[9]]);
    Mix(v[1], v[6], v[11], v[12], m[s[10]], m[s[11]]);
    Mix(v[2], v[7], v[8], v[13], m[s[12]], m[s[13]]);
    Mix(v[3], v[4], v[9], v[14], m[s[14]], m[s[15]]);
  }
  for (size_t i = 0; i < state_.size(); ++i) state_[i] ^= v[i] ^ v[i + 8];
}

}  // namespace firstlight
