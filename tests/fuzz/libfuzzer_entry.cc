// The function that libFuzzer calls; FIRSTLIGHT_FUZZ_TARGET is the target of the program that this
// is compiled for.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tests/fuzz/fuzz_targets.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  firstlight::FIRSTLIGHT_FUZZ_TARGET({reinterpret_cast<const char*>(data), size});
  return 0;
}
