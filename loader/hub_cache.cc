#include "loader/hub_cache.h"

#include <cstdint>
#include <filesystem>
#include <system_error>

#include "absl/strings/ascii.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"
#include "loader/file.h"

namespace firstlight {
namespace {

constexpr int64_t kMaxRefBytes = 256;
constexpr size_t kMaxNameBytes = 255;  // NAME_MAX

bool IsDirectory(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored);
}

}  // namespace

absl::Status CheckFileName(std::string_view name) {
  const auto refuse = [name](std::string_view found) {
    return absl::InvalidArgumentError(
        StrCat(Quoted(name), ": expected the name of a file in the same directory, found ", found));
  };
  if (name.empty()) return refuse("nothing");
  if (name == "." || name == "..") return refuse("a directory");
  if (name.size() > kMaxNameBytes) return refuse(StrCat(name.size(), " bytes"));
  for (const char c : name) {
    if (c == '/') return refuse("a path");
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) return refuse("a control character");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ResolveModelDirectory(const std::string& path) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) {
    return absl::NotFoundError(StrCat(path, ": no such directory"));
  }
  if (error) return absl::ErrnoToStatus(error.value(), StrCat(path, ": cannot be examined"));
  if (!std::filesystem::is_directory(status)) {
    return absl::InvalidArgumentError(StrCat(path, ": expected a model directory, found a file"));
  }
  if (std::filesystem::exists(StrCat(path, "/config.json"), error) ||
      !IsDirectory(StrCat(path, "/snapshots"))) {
    return path;
  }

  const std::string reference = StrCat(path, "/refs/main");
  absl::StatusOr<std::string> text = ReadFile(reference, kMaxRefBytes);
  if (absl::IsNotFound(text.status())) {
    return absl::NotFoundError(StrCat(
        reference, ": expected the name of a snapshot, found no file; name a directory under ",
        path, "/snapshots instead"));
  }
  FIRSTLIGHT_RETURN_IF_ERROR(text.status());
  const std::string_view revision = ToStd(absl::StripAsciiWhitespace(*text));
  if (const absl::Status named = CheckFileName(revision); !named.ok()) {
    return absl::InvalidArgumentError(StrCat(reference, ": ", named.message()));
  }
  std::string snapshot = StrCat(path, "/snapshots/", revision);
  if (!IsDirectory(snapshot)) {
    return absl::NotFoundError(
        StrCat(snapshot, ": no such directory, though ", reference, " names it"));
  }
  return snapshot;
}

}  // namespace firstlight
