#ifndef FIRSTLIGHT_LOADER_RESIDENCY_PROC_FILE_H_
#define FIRSTLIGHT_LOADER_RESIDENCY_PROC_FILE_H_

// Reading the small files of /proc, /sys and the control groups, whose length stat does not tell.

#include <optional>
#include <string>

namespace firstlight {

// The first 64 KiB of it; empty where it cannot be opened or read.
std::optional<std::string> ReadProcFile(const std::string& path);

}  // namespace firstlight

#endif  // FIRSTLIGHT_LOADER_RESIDENCY_PROC_FILE_H_
