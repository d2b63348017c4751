#ifndef FIRSTLIGHT_LOADER_RESIDENCY_CONTROL_GROUP_H_
#define FIRSTLIGHT_LOADER_RESIDENCY_CONTROL_GROUP_H_

// The control groups, v1 or v2, that account for this process's memory.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace firstlight {

struct MemoryGroup {
  enum class Version { kV1, kV2 };
  Version version = Version::kV2;
  // Of the process's own group first, then of those above it, up to what is mounted as the root; at
  // least the root. A container sees its own group there, whatever /proc calls it.
  std::vector<std::string> directories;
};

// A machine can have a hierarchy of both versions, and memory in one of them. `root` is "/" but in
// tests: /proc and /sys are read below it.
std::vector<MemoryGroup> FindMemoryGroups(const std::string& root = "/");

// The number that `path` holds; empty where there is none: no file, or "max".
std::optional<int64_t> ReadNumber(const std::string& path);

// The least limit of the group and of those above it; empty where none has one.
std::optional<int64_t> LeastMemoryLimit(const MemoryGroup& group);

}  // namespace firstlight

#endif  // FIRSTLIGHT_LOADER_RESIDENCY_CONTROL_GROUP_H_
