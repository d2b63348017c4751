#include "server/base/build_info.h"

namespace firstlight {

const char* BuildVersion() { return FIRSTLIGHT_BUILD_VERSION; }

const char* BuildRevision() { return FIRSTLIGHT_BUILD_REVISION; }

}  // namespace firstlight
