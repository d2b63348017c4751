#include "loader/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstring>
#include <limits>
#include <optional>
#include <tuple>

#include "absl/status/status.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"
#include "loader/json.h"

namespace firstlight {
namespace {

static_assert(std::endian::native == std::endian::little,
              "safetensors data is little-endian and is used in place");

constexpr uint64_t kLengthBytes = 8;

// {"name":{"dtype":"F32","shape":[d, ...],"data_offsets":[b,e]},} and room for what is ignored.
constexpr int64_t kStructuralCharactersPerTensor = 20 + SafetensorsLimits::kMaxRank;

absl::Status Malformed(std::string_view file_name, std::string_view tensor,
                       std::string_view problem) {
  return absl::InvalidArgumentError(StrCat(file_name, ": tensor ", Quoted(tensor), ": ", problem));
}

absl::StatusOr<std::vector<std::pair<std::string, std::string>>> ReadMetadata(JsonValue value) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonObject object, value.AsObject());
  std::vector<std::pair<std::string, std::string>> metadata;
  for (const auto [key, text] : object) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view string, text.AsString());
    metadata.emplace_back(key, string);
  }
  return metadata;
}

absl::StatusOr<DType> ReadDType(std::string_view file_name, std::string_view tensor,
                                JsonValue value) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view name, value.GetString("dtype"));
  const std::optional<DType> dtype = DTypeFromName(name);
  if (dtype.has_value()) return *dtype;
  return absl::UnimplementedError(
      StrCat(file_name, ": tensor ", Quoted(tensor), ": unknown dtype ", Quoted(name, 32)));
}

absl::StatusOr<Shape> ReadShape(std::string_view file_name, std::string_view tensor,
                                JsonValue value) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray array, value.GetArray("shape"));
  if (array.size() > static_cast<size_t>(SafetensorsLimits::kMaxRank)) {
    return absl::ResourceExhaustedError(StrCat(file_name, ": tensor ", Quoted(tensor),
                                               ": expected at most ", SafetensorsLimits::kMaxRank,
                                               " dimensions, found ", array.size()));
  }
  Shape shape;
  for (const JsonValue dimension : array) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const int64_t extent, dimension.AsInt64());
    if (extent < 0) return dimension.Error(StrCat("expected 0 or more, found ", extent));
    shape.push_back(extent);
  }
  return shape;
}

// Bytes of `shape` elements of `dtype`; nothing when they overflow or end inside a byte.
std::optional<uint64_t> ByteCount(DType dtype, const Shape& shape) {
  uint64_t bits = static_cast<uint64_t>(DTypeBits(dtype));
  bool empty = false;
  for (const int64_t extent : shape) {
    if (extent == 0) {
      empty = true;
    } else if (__builtin_mul_overflow(bits, static_cast<uint64_t>(extent), &bits)) {
      return std::nullopt;
    }
  }
  if (bits % 8 != 0) return std::nullopt;
  return empty ? 0 : bits / 8;
}

absl::StatusOr<SafetensorsEntry> ReadEntry(std::string_view file_name, std::string_view name,
                                           JsonValue value) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const DType dtype, ReadDType(file_name, name, value));
  FIRSTLIGHT_ASSIGN_OR_RETURN(Shape shape, ReadShape(file_name, name, value));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray offsets, value.GetArray("data_offsets"));
  if (offsets.size() != 2) {
    return Malformed(file_name, name, StrCat("expected 2 data_offsets, found ", offsets.size()));
  }
  std::array<int64_t, 2> range = {0, 0};
  size_t count = 0;
  for (const JsonValue offset : offsets) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(range[count++], offset.AsInt64());
  }
  const auto [begin, end] = range;
  if (begin < 0 || end < begin) {
    return Malformed(file_name, name,
                     StrCat("expected data_offsets that do not decrease from 0, found [", begin,
                            ", ", end, "]"));
  }
  const std::optional<uint64_t> bytes = ByteCount(dtype, shape);
  if (!bytes.has_value()) {
    return Malformed(file_name, name,
                     StrCat("expected a size of whole bytes below 2^61, found ", DTypeName(dtype),
                            " ", ShapeToString(shape)));
  }
  if (*bytes != static_cast<uint64_t>(end - begin)) {
    return Malformed(file_name, name,
                     StrCat("expected ", *bytes, " bytes for ", DTypeName(dtype), " ",
                            ShapeToString(shape), ", found ", end - begin));
  }
  return SafetensorsEntry{.name = std::string(name),
                          .dtype = dtype,
                          .shape = std::move(shape),
                          .begin_bytes = static_cast<uint64_t>(begin),
                          .end_bytes = static_cast<uint64_t>(end)};
}

// Sorts the entries by their data, which must run from 0 to `data_bytes` without holes or overlap.
absl::Status CheckCoverage(std::string_view file_name, uint64_t data_bytes,
                           std::vector<SafetensorsEntry>& entries) {
  std::sort(entries.begin(), entries.end(),
            [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
              return std::tie(a.begin_bytes, a.end_bytes, a.name) <
                     std::tie(b.begin_bytes, b.end_bytes, b.name);
            });
  uint64_t covered = 0;
  for (const SafetensorsEntry& entry : entries) {
    if (entry.begin_bytes != covered) {
      return Malformed(
          file_name, entry.name,
          StrCat("expected its data at offset ", covered, ", found ", entry.begin_bytes,
                 entry.begin_bytes < covered ? ": it overlaps the tensor before"
                                             : ": there is a hole before it"));
    }
    covered = entry.end_bytes;
    if (covered > data_bytes) {
      return Malformed(file_name, entry.name,
                       StrCat("expected its data to end within ", data_bytes,
                              " bytes of data, found ", covered, ": the file is truncated"));
    }
  }
  if (covered != data_bytes) {
    return absl::InvalidArgumentError(
        StrCat(file_name, ": expected ", covered, " bytes of data, found ", data_bytes));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SafetensorsHeader> ParseSafetensorsHeader(std::string_view file_name,
                                                         std::string json, uint64_t data_bytes) {
  const JsonOptions options = {
      .max_bytes = static_cast<int64_t>(SafetensorsLimits::kMaxHeaderBytes),
      .max_depth = 4,
      .max_structural_characters = SafetensorsLimits::kMaxTensors * kStructuralCharactersPerTensor};
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      const std::unique_ptr<const JsonDocument> document,
      JsonDocument::Parse(StrCat(file_name, ": header"), std::move(json), options));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonObject object, document->root().AsObject());

  SafetensorsHeader header;
  for (const auto [name, value] : object) {
    if (name == "__metadata__") {
      FIRSTLIGHT_ASSIGN_OR_RETURN(header.metadata, ReadMetadata(value));
      continue;
    }
    if (name.size() > static_cast<size_t>(SafetensorsLimits::kMaxNameBytes)) {
      return absl::ResourceExhaustedError(StrCat(file_name, ": expected tensor names of at most ",
                                                 SafetensorsLimits::kMaxNameBytes,
                                                 " bytes, found one of ", name.size()));
    }
    if (header.entries.size() == static_cast<size_t>(SafetensorsLimits::kMaxTensors)) {
      return absl::ResourceExhaustedError(
          StrCat(file_name, ": expected at most ", SafetensorsLimits::kMaxTensors, " tensors"));
    }
    FIRSTLIGHT_ASSIGN_OR_RETURN(SafetensorsEntry entry, ReadEntry(file_name, name, value));
    header.entries.push_back(std::move(entry));
  }
  FIRSTLIGHT_RETURN_IF_ERROR(CheckCoverage(file_name, data_bytes, header.entries));
  return header;
}

absl::StatusOr<SafetensorsFile> SafetensorsFile::Open(const std::string& path, MappedFiles* files) {
  SafetensorsFile result;
  FIRSTLIGHT_ASSIGN_OR_RETURN(result.file_,
                              files != nullptr ? files->Open(path) : MappedFile::Open(path));
  const MappedFile& file = *result.file_;
  const std::string name = file.name();
  const uint64_t size = file.bytes().size();
  if (size < kLengthBytes) {
    return absl::InvalidArgumentError(
        StrCat(name, ": expected at least ", kLengthBytes, " bytes, found ", size));
  }
  uint64_t header_bytes = 0;
  FIRSTLIGHT_RETURN_IF_ERROR(
      file.ReadAt(0, {reinterpret_cast<std::byte*>(&header_bytes), kLengthBytes}));
  if (header_bytes > SafetensorsLimits::kMaxHeaderBytes || header_bytes > size - kLengthBytes) {
    return absl::InvalidArgumentError(
        StrCat(name, ": expected a header of at most ",
               std::min(SafetensorsLimits::kMaxHeaderBytes, size - kLengthBytes), " bytes, found ",
               header_bytes));
  }
  std::string json(header_bytes, '\0');
  FIRSTLIGHT_RETURN_IF_ERROR(
      file.ReadAt(kLengthBytes, {reinterpret_cast<std::byte*>(json.data()), json.size()}));

  const absl::Span<const std::byte> data = file.bytes().subspan(kLengthBytes + header_bytes);
  FIRSTLIGHT_ASSIGN_OR_RETURN(SafetensorsHeader header,
                              ParseSafetensorsHeader(name, std::move(json), data.size()));
  result.metadata_ = std::move(header.metadata);
  result.tensors_.reserve(header.entries.size());
  for (SafetensorsEntry& entry : header.entries) {
    result.tensors_.push_back(
        {.name = std::move(entry.name),
         .dtype = entry.dtype,
         .shape = std::move(entry.shape),
         .data = data.subspan(entry.begin_bytes, entry.end_bytes - entry.begin_bytes),
         .file = &file});
  }
  return result;
}

}  // namespace firstlight
