#include "tests/fuzz/fuzz_support.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "loader/base/strings.h"
#include "loader/base/utf8.h"

namespace firstlight {
namespace {

constexpr size_t kLongestMessage = 8192;

}  // namespace

void Require(bool kept, std::string_view promise) {
  if (kept) return;
  std::fprintf(stderr, "broken: %.*s\n", static_cast<int>(promise.size()), promise.data());
  std::abort();
}

void RequireGoodRefusal(const absl::Status& status, std::string_view file) {
  if (status.ok()) return;
  const std::string_view message = ToStd(status.message());
  Require(message.find(file) != std::string_view::npos,
          StrCat("a refusal names the file; found ", message));
  Require(ToValidUtf8(ToAbsl(message), message.size()) == message,
          StrCat("a refusal is UTF-8; found ", message));
  Require(message.size() <= kLongestMessage, "a refusal is short");
  Require(
      status.code() != absl::StatusCode::kInternal && status.code() != absl::StatusCode::kUnknown,
      StrCat("a refusal says what kind of mistake it is; found ", message));
}

std::pair<std::string_view, std::string_view> SplitAtNul(std::string_view input) {
  const size_t nul = input.find('\0');
  if (nul == std::string_view::npos) return {input, {}};
  return {input.substr(0, nul), input.substr(nul + 1)};
}

ScratchFolder::ScratchFolder() {
  const char* const parent = std::getenv("TMPDIR");
  path_ = StrCat(parent != nullptr ? parent : "/tmp", "/firstlight-fuzz-XXXXXX");
  Require(mkdtemp(path_.data()) != nullptr, "there is room for temporary files");
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string ScratchFolder::Write(std::string_view name, std::string_view contents) const {
  std::string path = StrCat(path_, "/", name);
  Remove(name);
  std::ofstream file(path, std::ios::binary);
  file << contents;
  file.close();
  Require(file.good(), "there is room for temporary files");
  return path;
}

void ScratchFolder::Remove(std::string_view name) const {
  std::error_code ignored;
  std::filesystem::remove(StrCat(path_, "/", name), ignored);
}

}  // namespace firstlight
