#include "engine/tokenizer/normalizers/precompiled_charsmap.h"

#include <bit>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "engine/tokenizer/text/utf8.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

static_assert(std::endian::native == std::endian::little, "the table is little-endian");

// A unit of the double array (darts.h of Darts-clone, DoubleArrayUnit).
bool HasLeaf(uint32_t unit) { return ((unit >> 8) & 1) == 1; }
uint32_t Value(uint32_t unit) { return unit & 0x7FFFFFFF; }
uint32_t Label(uint32_t unit) { return unit & 0x800000FF; }
uint32_t Offset(uint32_t unit) { return (unit >> 10) << ((unit & (1U << 9)) >> 6); }

}  // namespace

absl::StatusOr<PrecompiledCharsmap> PrecompiledCharsmap::Create(std::string_view bytes) {
  PrecompiledCharsmap charsmap;
  if (bytes.empty()) {
    return charsmap;
  }
  uint32_t trie_bytes = 0;
  if (bytes.size() <= sizeof(trie_bytes)) {
    return absl::InvalidArgumentError(
        StrCat("precompiled_charsmap: expected a table, found ", bytes.size(), " bytes"));
  }
  std::memcpy(&trie_bytes, bytes.data(), sizeof(trie_bytes));
  bytes.remove_prefix(sizeof(trie_bytes));
  if (trie_bytes == 0 || trie_bytes % sizeof(uint32_t) != 0 || trie_bytes >= bytes.size()) {
    return absl::InvalidArgumentError(StrCat("precompiled_charsmap: expected a trie within ",
                                             bytes.size(), " bytes, found one of ", trie_bytes));
  }
  std::vector<uint32_t> units(trie_bytes / sizeof(uint32_t));
  std::memcpy(units.data(), bytes.data(), trie_bytes);
  bytes.remove_prefix(trie_bytes);
  if (bytes.back() != '\0' || FindInvalidUtf8(bytes) != std::string_view::npos) {
    return absl::InvalidArgumentError(
        "precompiled_charsmap: expected replacements in UTF-8 that end with NUL");
  }
  charsmap.units_ = Table<uint32_t>(std::move(units));
  charsmap.replacements_ = Table<char>(std::vector<char>(bytes.begin(), bytes.end()));
  return charsmap;
}

void PrecompiledCharsmap::Save(ImageWriter& image) const {
  image.Write(units_);
  image.Write(replacements_);
}

PrecompiledCharsmap PrecompiledCharsmap::Load(ImageReader& image) {
  PrecompiledCharsmap charsmap;
  charsmap.units_ = image.ReadTable<uint32_t>();
  charsmap.replacements_ = image.ReadTable<char>();
  return charsmap;
}

PrecompiledCharsmap::Replacement PrecompiledCharsmap::Find(std::string_view text,
                                                           bool shortest) const {
  Replacement found;
  if (units_.empty()) {
    return found;
  }
  size_t node = Offset(units_[0]);
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    node ^= byte;
    if (node >= units_.size() || Label(units_[node]) != byte) {
      break;
    }
    const uint32_t unit = units_[node];
    node ^= Offset(unit);
    if (!HasLeaf(unit)) {
      continue;
    }
    const size_t start = node < units_.size() ? Value(units_[node]) : replacements_.size();
    if (start >= replacements_.size() ||
        (static_cast<unsigned char>(replacements_[start]) & 0xC0) == 0x80 ||
        (i + 1 < text.size() && (static_cast<unsigned char>(text[i + 1]) & 0xC0) == 0x80)) {
      // Points nowhere, or within a character: not what a trainer writes.
      break;
    }
    std::string_view with(replacements_.data() + start, replacements_.size() - start);
    with = with.substr(0, with.find('\0'));
    found = {.length = i + 1, .with = with};
    if (shortest) break;
  }
  return found;
}

}  // namespace firstlight
