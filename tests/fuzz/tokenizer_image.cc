#include "engine/tokenizer/image/tokenizer_image.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "absl/status/statusor.h"
#include "engine/tokenizer/pipeline.h"
#include "tests/fuzz/fuzz_support.h"
#include "tests/fuzz/fuzz_targets.h"
#include "tests/fuzz/tokenizer_exercise.h"

namespace firstlight {
namespace {

constexpr char kFile[] = "tokenizer.image";
constexpr Blake2b::Digest kKey = {1, 2, 3};

// Where an image's header (tokenizer_image.cc) has what an attacker would write to have it
// accepted.
constexpr size_t kHeaderBytes = 128;
constexpr size_t kKeyAt = 16;
constexpr size_t kTablesOffsetAt = 56;
constexpr size_t kTablesBytesAt = 64;
constexpr size_t kContentsChecksumAt = 72;
constexpr size_t kHeaderChecksumAt = 120;

void Put(std::string& bytes, size_t at, uint64_t value) {
  std::memcpy(bytes.data() + at, &value, sizeof(value));
}

uint64_t Get(const std::string& bytes, size_t at) {
  uint64_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

std::string Seal(std::string bytes) {
  std::copy(kKey.begin(), kKey.end(), bytes.begin() + kKeyAt);
  Put(bytes, kTablesBytesAt, bytes.size() - Get(bytes, kTablesOffsetAt));
  Put(bytes, kContentsChecksumAt,
      XXH3_64bits(bytes.data() + kHeaderBytes, bytes.size() - kHeaderBytes));
  Put(bytes, kHeaderChecksumAt, XXH3_64bits(bytes.data(), kHeaderChecksumAt));
  return bytes;
}

void Open(const ScratchFolder& folder, std::string_view bytes) {
  absl::StatusOr<std::shared_ptr<const MappedFile>> file =
      MappedFile::Open(folder.Write(kFile, bytes));
  RequireGoodRefusal(file.status(), kFile);
  if (!file.ok()) return;
  absl::StatusOr<PipelineTokenizer::Parts> parts = ReadTokenizerImage(*std::move(file), kKey);
  RequireGoodRefusal(parts.status(), kFile);
  if (parts.ok()) ExerciseTokenizer(PipelineTokenizer(*std::move(parts)));
}

}  // namespace

void FuzzTokenizerImage(std::string_view input) {
  static const ScratchFolder folder;
  Open(folder, input);
  if (input.size() >= kHeaderBytes) Open(folder, Seal(std::string(input)));
}

}  // namespace firstlight
