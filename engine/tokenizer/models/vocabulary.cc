#include "engine/tokenizer/models/vocabulary.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

// A table half full of random hashes has no run of this length; one made to collide does, and an
// image that has been damaged may have nothing else.
constexpr size_t kMaxProbes = 4096;

uint64_t Mix(uint64_t value) {
  // The finalizer of MurmurHash3.
  value ^= value >> 33;
  value *= 0xFF51AFD7ED558CCDULL;
  value ^= value >> 33;
  value *= 0xC4CEB9FE1A85EC53ULL;
  return value ^ (value >> 33);
}

}  // namespace

uint64_t StableHash(std::string_view bytes) {
  uint64_t hash = 0x9E3779B97F4A7C15ULL ^ bytes.size();
  while (bytes.size() >= 8) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data(), 8);
    hash = Mix(hash ^ word);
    bytes.remove_prefix(8);
  }
  uint64_t word = 0;
  if (!bytes.empty()) std::memcpy(&word, bytes.data(), bytes.size());
  return Mix(hash ^ word);
}

absl::StatusOr<Vocabulary> Vocabulary::Create(const std::vector<Entry>& entries) {
  Vocabulary vocabulary;
  size_t bytes = 0;
  int64_t largest = -1;
  for (const Entry& entry : entries) {
    if (entry.id < 0 || entry.id >= kMaxIds) {
      return absl::InvalidArgumentError(StrCat("token ", Quoted(entry.token),
                                               ": expected an id in [0, ", kMaxIds, "), found ",
                                               entry.id));
    }
    largest = std::max(largest, entry.id);
    bytes += entry.token.size();
    vocabulary.longest_ = std::max(vocabulary.longest_, entry.token.size());
  }
  if (bytes > std::numeric_limits<uint32_t>::max()) {
    return absl::InvalidArgumentError("tokens of more than 4 GiB");
  }
  const size_t size = static_cast<size_t>(largest + 1);
  std::vector<const Entry*> by_id(size, nullptr);
  for (const Entry& entry : entries) {
    if (by_id[entry.id] != nullptr) {
      return absl::InvalidArgumentError(StrCat("id ", entry.id, " is given to two tokens, ",
                                               Quoted(by_id[entry.id]->token), " and ",
                                               Quoted(entry.token)));
    }
    by_id[entry.id] = &entry;
  }
  std::vector<char> text;
  std::vector<uint32_t> offsets;
  std::vector<uint8_t> present(size);
  text.reserve(bytes);
  offsets.reserve(size + 1);
  for (size_t id = 0; id < size; ++id) {
    offsets.push_back(static_cast<uint32_t>(text.size()));
    if (by_id[id] != nullptr) {
      text.insert(text.end(), by_id[id]->token.begin(), by_id[id]->token.end());
      present[id] = 1;
    }
  }
  offsets.push_back(static_cast<uint32_t>(text.size()));
  vocabulary.bytes_ = Table<char>(std::move(text));
  vocabulary.offsets_ = Table<uint32_t>(std::move(offsets));
  vocabulary.present_ = Table<uint8_t>(std::move(present));
  std::vector<int32_t> slots(std::bit_ceil(std::max<size_t>(entries.size() * 2, 2)), kNoId);
  for (size_t id = 0; id < size; ++id) {
    if (by_id[id] != nullptr) {
      FIRSTLIGHT_RETURN_IF_ERROR(vocabulary.Insert(static_cast<int32_t>(id), slots));
    }
  }
  vocabulary.slots_ = Table<int32_t>(std::move(slots));
  return vocabulary;
}

void Vocabulary::Save(ImageWriter& image) const {
  image.Write(bytes_);
  image.Write(offsets_);
  image.Write(present_);
  image.Write(slots_);
  image.Write(uint64_t{longest_});
}

Vocabulary Vocabulary::Load(ImageReader& image) {
  Vocabulary vocabulary;
  vocabulary.bytes_ = image.ReadTable<char>();
  vocabulary.offsets_ = image.ReadTable<uint32_t>();
  vocabulary.present_ = image.ReadTable<uint8_t>();
  vocabulary.slots_ = image.ReadTable<int32_t>();
  vocabulary.longest_ = image.Read<uint64_t>();
  if (vocabulary.present_.size() > kMaxIds ||
      vocabulary.offsets_.size() != vocabulary.present_.size() + 1 ||
      !std::has_single_bit(vocabulary.slots_.size())) {
    image.Fail("a vocabulary");
    return {};
  }
  return vocabulary;
}

absl::Status Vocabulary::Insert(int32_t id, std::vector<int32_t>& slots) const {
  const std::string_view token = Token(id);
  const size_t mask = slots.size() - 1;
  size_t slot = StableHash(token) & mask;
  for (size_t probe = 0; probe < kMaxProbes; ++probe) {
    if (slots[slot] == kNoId) {
      slots[slot] = id;
      return absl::OkStatus();
    }
    if (Token(slots[slot]) == token) {
      return absl::InvalidArgumentError(
          StrCat("token ", Quoted(token), " has two ids, ", slots[slot], " and ", id));
    }
    slot = (slot + 1) & mask;
  }
  return absl::InvalidArgumentError("the tokens are made to collide in a hash table");
}

int32_t Vocabulary::Find(std::string_view token) const {
  if (slots_.empty()) {
    return kNoId;
  }
  const size_t mask = slots_.size() - 1;
  size_t slot = StableHash(token) & mask;
  for (size_t probe = 0; probe < kMaxProbes; ++probe) {
    const int32_t id = slots_[slot];
    if (id == kNoId || (Has(id) && Token(id) == token)) {
      return id;
    }
    slot = (slot + 1) & mask;
  }
  return kNoId;
}

size_t Vocabulary::memory_bytes() const {
  return bytes_.memory_bytes() + offsets_.memory_bytes() + present_.memory_bytes() +
         slots_.memory_bytes();
}

}  // namespace firstlight
