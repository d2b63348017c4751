#ifndef FIRSTLIGHT_TESTS_SERVER_SUPPORT_MEMORY_GROUP_H_
#define FIRSTLIGHT_TESTS_SERVER_SUPPORT_MEMORY_GROUP_H_

// A control group (v1 or v2) of a test's own, below the one that the test runs in, whose memory the
// test limits. What a process reads while it is in the group is charged to it.

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace firstlight {

class TestMemoryGroup {
 public:
  // PERMISSION_DENIED where this process may not make one.
  static absl::StatusOr<std::unique_ptr<TestMemoryGroup>> Create();
  // Leaves, and removes the group. REQUIRES: the children that were started in it have ended.
  ~TestMemoryGroup();
  TestMemoryGroup(const TestMemoryGroup&) = delete;
  TestMemoryGroup& operator=(const TestMemoryGroup&) = delete;

  // This process goes into the group, and back to where it was. Children stay where they began.
  absl::Status Enter();
  absl::Status Leave();

  // Memory of its processes that is not page cache.
  int64_t AnonymousBytes() const;
  // Gives back what is over the limit, as far as it is clean page cache.
  absl::Status SetLimit(int64_t bytes);

 private:
  TestMemoryGroup(bool version_two, std::string home, std::string directory)
      : version_two_(version_two), home_(std::move(home)), directory_(std::move(directory)) {}

  const bool version_two_;
  const std::string home_;
  const std::string directory_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_TESTS_SERVER_SUPPORT_MEMORY_GROUP_H_
