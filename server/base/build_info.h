#ifndef FIRSTLIGHT_SERVER_BASE_BUILD_INFO_H_
#define FIRSTLIGHT_SERVER_BASE_BUILD_INFO_H_

// What this binary was built from.

namespace firstlight {

// The release, such as "0.1.0".
const char* BuildVersion();

// The commit, abbreviated; "unknown" where the sources were not a repository.
const char* BuildRevision();

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_BASE_BUILD_INFO_H_
