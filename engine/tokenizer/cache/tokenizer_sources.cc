#include "engine/tokenizer/cache/tokenizer_sources.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <string_view>

#include "engine/tokenizer/cache/code_digest.h"
#include "engine/tokenizer/formats/formats.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"
#include "loader/file.h"

namespace firstlight {
namespace {

// As JsonDocument::ReadFile takes it.
constexpr int64_t kMaxFileBytes = int64_t{128} << 20;

int64_t Nanoseconds(const timespec& time) {
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

absl::StatusOr<TokenizerSourceIdentity> IdentifyTokenizerSources(
    const std::filesystem::path& directory) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const TokenizerFormat format, FindTokenizerFormat(directory));
  TokenizerSourceIdentity identity = {
      .text = StrCat("code ", std::string_view(TokenizerCodeDigest()), "\n"),
      .newest_change = absl::InfinitePast()};
  for (const std::string_view name : TokenizerFiles(format)) {
    const std::string path = directory / name;
    struct stat status = {};
    if (stat(path.c_str(), &status) != 0) {
      if (errno != ENOENT) return absl::ErrnoToStatus(errno, StrCat(path, ": cannot be examined"));
      StrAppend(&identity.text, name, " -\n");
      continue;
    }
    const int64_t modified = Nanoseconds(status.st_mtim);
    const int64_t changed = Nanoseconds(status.st_ctim);
    StrAppend(&identity.text, name, " ", uint64_t{status.st_dev}, " ", uint64_t{status.st_ino}, " ",
              int64_t{status.st_size}, " ", modified, " ", changed, "\n");
    identity.newest_change =
        std::max(identity.newest_change, absl::FromUnixNanos(std::max(modified, changed)));
  }
  return identity;
}

absl::StatusOr<Blake2b::Digest> DigestTokenizerSources(const std::filesystem::path& directory) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const TokenizerFormat format, FindTokenizerFormat(directory));
  Blake2b digest;
  digest.Update(TokenizerCodeDigest());
  for (const std::string_view name : TokenizerFiles(format)) {
    const absl::StatusOr<std::string> contents = ReadFile(directory / name, kMaxFileBytes);
    if (!contents.ok() && !absl::IsNotFound(contents.status())) return contents.status();
    digest.Update(contents.ok() ? StrCat("\n", name, " ", contents->size(), "\n")
                                : StrCat("\n", name, " -\n"));
    if (contents.ok()) digest.Update(*contents);
  }
  return digest.Finish();
}

}  // namespace firstlight
