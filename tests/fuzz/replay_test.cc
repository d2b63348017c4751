// What the fuzzer once found, again, in every build: each file of reproducers/TARGET/ goes through
// its target once. (A promise that is broken ends the program, as a sanitizer's report does.)

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/fuzz/fuzz_targets.h"

namespace firstlight {
namespace {

struct Reproducer {
  FuzzTarget target;
  std::filesystem::path path;
};

std::vector<Reproducer> Reproducers() {
  std::vector<Reproducer> reproducers;
  for (const FuzzTarget& target : kFuzzTargets) {
    const auto folder = std::filesystem::path(FIRSTLIGHT_FUZZ_REPRODUCERS) / target.name;
    if (!std::filesystem::exists(folder)) continue;  // nothing was found
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      reproducers.push_back({target, entry.path()});
    }
  }
  std::sort(reproducers.begin(), reproducers.end(),
            [](const Reproducer& a, const Reproducer& b) { return a.path < b.path; });
  return reproducers;
}

class ReplayTest : public ::testing::TestWithParam<Reproducer> {};

TEST_P(ReplayTest, EndsWell) {
  std::ifstream file(GetParam().path, std::ios::binary);
  ASSERT_TRUE(file.good());
  const std::string input{std::istreambuf_iterator<char>(file), {}};
  GetParam().target.run(input);
}

INSTANTIATE_TEST_SUITE_P(All, ReplayTest, ::testing::ValuesIn(Reproducers()), [](const auto& info) {
  std::string name(info.param.target.name);
  name += "_" + info.param.path.stem().string();
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace firstlight
