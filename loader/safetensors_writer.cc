#include "loader/safetensors_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <string_view>
#include <tuple>

#include "absl/strings/str_join.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"
#include "loader/file.h"
#include "loader/json_writer.h"

namespace firstlight {
namespace {

constexpr size_t kHeaderAlignment = 8;

absl::Status WriteAll(int descriptor, const std::string& path, const void* data, size_t size) {
  const char* next = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t count = write(descriptor, next, size);
    if (count < 0) {
      if (errno == EINTR) continue;
      if (errno == ENOSPC) {
        return absl::ResourceExhaustedError(StrCat(path, ": the disk is full"));
      }
      return absl::ErrnoToStatus(errno, StrCat(path, ": cannot be written"));
    }
    next += count;
    size -= static_cast<size_t>(count);
  }
  return absl::OkStatus();
}

// The padded JSON. `tensors` are in the order of the file.
std::string HeaderOf(const std::vector<TensorDeclaration>& tensors,
                     const std::vector<int64_t>& bytes, const SafetensorsWriterOptions& options) {
  std::string header = "{";
  std::string_view separator;
  if (!options.metadata.empty()) {
    header += "\"__metadata__\":{";
    for (const auto& [key, value] : options.metadata) {
      StrAppend(&header, separator, JsonString(key), ":", JsonString(value));
      separator = ",";
    }
    header += "}";
  }
  int64_t offset = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    StrAppend(&header, separator, JsonString(tensors[i].name), ":{\"dtype\":\"",
              DTypeName(tensors[i].dtype), "\",\"shape\":[", absl::StrJoin(tensors[i].shape, ","),
              "],\"data_offsets\":[", offset, ",", offset + bytes[i], "]}");
    offset += bytes[i];
    separator = ",";
  }
  header += "}";
  header.resize((header.size() + kHeaderAlignment - 1) / kHeaderAlignment * kHeaderAlignment, ' ');
  return header;
}

absl::Status WriteData(int descriptor, const std::string& path,
                       const std::vector<TensorDeclaration>& tensors,
                       const std::vector<int64_t>& bytes, const TensorSource& source,
                       int64_t piece_bytes) {
  std::vector<std::byte> piece(static_cast<size_t>(piece_bytes));
  for (size_t i = 0; i < tensors.size(); ++i) {
    for (int64_t offset = 0; offset < bytes[i]; offset += piece_bytes) {
      const auto size = static_cast<size_t>(std::min(piece_bytes, bytes[i] - offset));
      const absl::Span<std::byte> out = absl::MakeSpan(piece).first(size);
      FIRSTLIGHT_RETURN_IF_ERROR(source(tensors[i], offset, out));
      FIRSTLIGHT_RETURN_IF_ERROR(WriteAll(descriptor, path, out.data(), out.size()));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<int64_t> TensorBytes(const TensorDeclaration& tensor) {
  int64_t bits = DTypeBits(tensor.dtype);
  for (const int64_t extent : tensor.shape) {
    if (extent < 0 || __builtin_mul_overflow(bits, extent, &bits)) {
      return absl::InvalidArgumentError(
          StrCat("tensor ", Quoted(tensor.name), ": ", ShapeToString(tensor.shape), " is no size"));
    }
  }
  if (bits % 8 != 0) {
    return absl::InvalidArgumentError(
        StrCat("tensor ", Quoted(tensor.name), ": ends inside a byte"));
  }
  return bits / 8;
}

absl::Status WriteSafetensors(const std::string& path, std::vector<TensorDeclaration> tensors,
                              const TensorSource& source, const SafetensorsWriterOptions& options) {
  std::sort(tensors.begin(), tensors.end(),
            [](const TensorDeclaration& a, const TensorDeclaration& b) {
              return std::tie(b.dtype, a.name) < std::tie(a.dtype, b.name);
            });
  std::vector<std::string_view> names;
  std::vector<int64_t> bytes;
  int64_t total = 0;
  for (const TensorDeclaration& tensor : tensors) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(bytes.emplace_back(), TensorBytes(tensor));
    if (__builtin_add_overflow(total, bytes.back(), &total)) {
      return absl::InvalidArgumentError(
          StrCat(path, ": the tensors are larger than a file can be"));
    }
    names.push_back(tensor.name);
  }
  std::sort(names.begin(), names.end());
  if (const auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end()) {
    return absl::InvalidArgumentError(
        StrCat(path, ": tensor ", Quoted(*twice), ": declared twice"));
  }

  FileDescriptor descriptor(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (descriptor.get() < 0) {
    return absl::ErrnoToStatus(errno, StrCat(path, ": cannot be created"));
  }
  const std::string header = HeaderOf(tensors, bytes, options);
  const uint64_t header_bytes = header.size();
  FIRSTLIGHT_RETURN_IF_ERROR(WriteAll(descriptor.get(), path, &header_bytes, sizeof(header_bytes)));
  FIRSTLIGHT_RETURN_IF_ERROR(WriteAll(descriptor.get(), path, header.data(), header.size()));
  if (options.sparse) {
    if (ftruncate(descriptor.get(),
                  static_cast<off_t>(sizeof(header_bytes) + header.size()) + total) != 0) {
      return absl::ErrnoToStatus(errno, StrCat(path, ": cannot be extended to ", total, " bytes"));
    }
  } else {
    FIRSTLIGHT_RETURN_IF_ERROR(
        WriteData(descriptor.get(), path, tensors, bytes, source, options.piece_bytes));
  }
  // Some file systems report a full disk or quota only here.
  if (close(descriptor.Release()) != 0) {
    return absl::ErrnoToStatus(errno, StrCat(path, ": cannot be written"));
  }
  return absl::OkStatus();
}

}  // namespace firstlight
