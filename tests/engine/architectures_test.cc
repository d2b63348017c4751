// docs/models.md against the code: its table is what is generated here.

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "engine/architectures/architecture.h"
#include "engine/decoder/weights.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loader/base/strings.h"
#include "loader/checkpoint.h"
#include "loader/load_report.h"
#include "tests/engine/golden.h"

namespace firstlight {
namespace {

constexpr std::string_view kHeading = "| Class | Checkpoints | Copied, and why | Golden |\n";

// The reasons for which slots of the golden's checkpoint are copied.
std::string Copied(const Golden& golden) {
  const auto checkpoint = Checkpoint::Open(golden.checkpoint);
  if (!checkpoint.ok()) return std::string(checkpoint.status().message());
  const auto config = ParseModelConfig((*checkpoint)->config());
  if (!config.ok()) return std::string(config.status().message());
  LoadReport report;
  const auto weights = BindWeights(config->spec, **checkpoint, {}, &report);
  if (!weights.ok()) return std::string(weights.status().message());
  std::set<std::string> reasons;
  for (const LoadReport::Slot& slot : report.slots) {
    if (slot.disposition == Disposition::kCopied) reasons.insert(slot.detail);
  }
  std::string text;
  for (const std::string& reason : reasons) StrAppend(&text, text.empty() ? "" : "; ", reason);
  return text.empty() ? "nothing" : text;
}

std::string Table() {
  std::string table(kHeading);
  StrAppend(&table, "|---|---|---|---|\n");
  for (const Architecture& architecture : Architectures()) {
    const Golden golden = ReadGolden(std::string(architecture.golden));
    StrAppend(&table, "| `", architecture.name, "` | ", architecture.checkpoints, " | ",
              Copied(golden), " | `", architecture.golden, "` |\n");
  }
  return table;
}

// To bring the page up to date: FIRSTLIGHT_WRITE_DOCS=1 architectures_test
TEST(ArchitecturesTest, TheModelsPageIsCurrent) {
  const std::string path = StrCat(FIRSTLIGHT_SOURCE_DIR, "/docs/models.md");
  std::stringstream read;
  read << std::ifstream(path).rdbuf();
  const std::string page = read.str();
  const size_t begin = page.find(kHeading);
  ASSERT_NE(begin, std::string::npos);
  const size_t end = page.find("\n\n", begin) + 1;
  const std::string table = Table();
  if (std::getenv("FIRSTLIGHT_WRITE_DOCS") != nullptr) {
    std::ofstream(path) << page.substr(0, begin) << table << page.substr(end);
    return;
  }
  EXPECT_EQ(page.substr(begin, end - begin), table);
}

TEST(ArchitecturesTest, EachHasAGoldenOfItsClassThatRuns) {
  const std::vector<std::string> names = GoldenNames();
  for (const Architecture& architecture : Architectures()) {
    SCOPED_TRACE(architecture.name);
    EXPECT_THAT(names, testing::Contains(architecture.golden));
    const Golden golden = ReadGolden(std::string(architecture.golden));
    const auto checkpoint = Checkpoint::Open(golden.checkpoint);
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    const auto config = ParseModelConfig((*checkpoint)->config());
    ASSERT_TRUE(config.ok()) << config.status();
    // One class has two names.
    const auto found =
        std::find_if(Architectures().begin(), Architectures().end(),
                     [&](const Architecture& other) { return other.name == config->architecture; });
    ASSERT_NE(found, Architectures().end());
    EXPECT_EQ(found->read_config, architecture.read_config);
  }
}

}  // namespace
}  // namespace firstlight
