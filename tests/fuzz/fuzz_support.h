#ifndef FIRSTLIGHT_TESTS_FUZZ_FUZZ_SUPPORT_H_
#define FIRSTLIGHT_TESTS_FUZZ_FUZZ_SUPPORT_H_

// What the fuzz targets have in common.

#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"

namespace firstlight {

// Ends the process, and says `promise`, where it is broken.
void Require(bool kept, std::string_view promise);

// What every refusal promises: it names `file`, is UTF-8 (it travels in a protobuf string) and is
// no longer than a page or two, whatever the file holds.
void RequireGoodRefusal(const absl::Status& status, std::string_view file);

// What stands before the first NUL of `input`, and what behind it.
std::pair<std::string_view, std::string_view> SplitAtNul(std::string_view input);

// A folder of this process, gone when it ends well: TMPDIR says where.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::string& path() const { return path_; }
  // Replaces the file by one of these contents; the mappings of the earlier one stay as they are.
  // Returns its path.
  std::string Write(std::string_view name, std::string_view contents) const;
  void Remove(std::string_view name) const;

 private:
  std::string path_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_TESTS_FUZZ_FUZZ_SUPPORT_H_
