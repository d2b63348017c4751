#include "loader/base/blake2b.h"

#include <string>
#include <string_view>

#include "absl/strings/escaping.h"
#include "gtest/gtest.h"

namespace firstlight {
namespace {

std::string HexDigest(std::string_view bytes, size_t piece) {
  Blake2b hash;
  for (size_t i = 0; i < bytes.size(); i += piece) hash.Update(bytes.substr(i, piece));
  const Blake2b::Digest digest = hash.Finish();
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
}

// Expected: hashlib.blake2b(data, digest_size=32).hexdigest() of Python 3.11.
TEST(Blake2bTest, KnownDigests) {
  EXPECT_EQ(HexDigest("", 1), "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
  EXPECT_EQ(HexDigest("abc", 1),
            "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
  std::string bytes;
  for (int i = 0; i < 1000; ++i) bytes.push_back(static_cast<char>(i * 7));
  const std::string expected = "6ac4bea923678eb024090384d6e767b5870f849057dc19b172d8d9f2df30bf8e";
  for (const size_t piece : {1, 7, 127, 128, 129, 256, 1000}) {
    EXPECT_EQ(HexDigest(bytes, piece), expected) << piece;
  }
  // Whole blocks, of which the last is compressed as such.
  EXPECT_EQ(HexDigest(std::string(256, 'a'), 128),
            "eae4d3a7627549b383179dc18049964f91a6fed14c9f3fb26705eda3eeda5558");
}

}  // namespace
}  // namespace firstlight
