#include "loader/safetensors.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "absl/status/statusor.h"
#include "loader/base/strings.h"
#include "tests/fuzz/fuzz_support.h"
#include "tests/fuzz/fuzz_targets.h"

namespace firstlight {
namespace {

constexpr char kName[] = "model.safetensors";
// Larger data is stated and not there.
constexpr uint64_t kMostData = 4096;

std::string LengthBytes(uint64_t length) {
  std::string bytes(sizeof(length), '\0');
  std::memcpy(bytes.data(), &length, sizeof(length));
  return bytes;
}

void RequireCoverage(const SafetensorsHeader& header, uint64_t data_bytes) {
  uint64_t covered = 0;
  for (const SafetensorsEntry& entry : header.entries) {
    Require(entry.begin_bytes == covered && entry.end_bytes >= covered,
            "tensors follow each other without holes or overlap");
    covered = entry.end_bytes;
    Require(entry.shape.size() <= static_cast<size_t>(SafetensorsLimits::kMaxRank) &&
                entry.name.size() <= static_cast<size_t>(SafetensorsLimits::kMaxNameBytes),
            "ranks and names are bounded");
  }
  Require(covered == data_bytes, "tensors cover the data");
}

// Every byte of every tensor can be read.
void ReadAll(const SafetensorsFile& file) {
  for (const TensorView& tensor : file.tensors()) {
    std::byte sum{};
    for (const std::byte byte : tensor.data) sum ^= byte;
    Require(sum == std::byte{}, "the data is what was written");
  }
}

absl::StatusOr<SafetensorsFile> Open(const ScratchFolder& folder, std::string_view bytes) {
  absl::StatusOr<SafetensorsFile> file = SafetensorsFile::Open(folder.Write(kName, bytes));
  RequireGoodRefusal(file.status(), kName);
  return file;
}

}  // namespace

void FuzzSafetensors(std::string_view input) {
  static const ScratchFolder folder;
  uint64_t data_bytes = 0;
  std::memcpy(&data_bytes, input.data(), std::min(input.size(), sizeof(data_bytes)));
  const std::string_view json = input.substr(std::min(input.size(), sizeof(data_bytes)));

  const absl::StatusOr<SafetensorsHeader> header =
      ParseSafetensorsHeader(kName, std::string(json), data_bytes);
  RequireGoodRefusal(header.status(), kName);
  if (header.ok()) RequireCoverage(*header, data_bytes);

  const std::string data(std::min(data_bytes, kMostData), '\0');
  const absl::StatusOr<SafetensorsFile> file =
      Open(folder, StrCat(LengthBytes(json.size()), json, data));
  if (file.ok()) ReadAll(*file);
  if (data_bytes <= kMostData) {
    Require(file.status().code() == header.status().code(), "a file is judged by its header");
  }
  // As it is: the header's length is anything.
  if (!Open(folder, input).ok()) return;
}

}  // namespace firstlight
