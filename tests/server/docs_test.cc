// The reference pages against what they describe.

#include <fstream>
#include <set>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/metrics/metrics.h"
#include "server/options/option_table.h"

namespace firstlight {
namespace {

// Rows of the tables of a page: the cells of each, backticks stripped from the first.
std::vector<std::vector<std::string>> Rows(const std::string& page) {
  std::ifstream file(absl::StrCat(FIRSTLIGHT_SOURCE_DIR "/docs/", page));
  EXPECT_TRUE(file) << page;
  std::vector<std::vector<std::string>> rows;
  for (std::string line; std::getline(file, line);) {
    if (!absl::StartsWith(line, "| `")) continue;
    std::vector<std::string> cells = absl::StrSplit(line.substr(2), " | ");
    cells[0] = cells[0].substr(1, cells[0].size() - 2);
    rows.push_back(std::move(cells));
  }
  return rows;
}

std::string Page(const std::string& page) {
  std::ifstream file(absl::StrCat(FIRSTLIGHT_SOURCE_DIR "/docs/", page));
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

int CountOf(absl::string_view part, absl::string_view text) {
  int count = 0;
  for (size_t at = text.find(part); at != absl::string_view::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

TEST(DocsTest, OperationsListsEveryOptionWithItsDefault) {
  std::set<std::string> documented;
  for (const auto& row : Rows("operations.md")) {
    documented.insert(absl::StrCat(row[0], " = ", row[1]));
  }
  std::set<std::string> defined;
  for (const OptionDefinition& option : OptionTable()) {
    defined.insert(absl::StrCat("--", option.name, " = ", option.default_text));
  }
  EXPECT_EQ(documented, defined);
}

TEST(DocsTest, MetricsListsEveryFamilyWithItsType) {
  Metrics metrics({.isa = "avx2", .methods = {"Generate"}});
  metrics.AddModel("m");
  // A system that tells everything.
  metrics.SetReader([] {
    Metrics::Reading reading;
    reading.residency_method = "pagemap";
    reading.models["m"] = {
        .residency_sampled = absl::Now(), .mapped_bytes = 1, .resident_bytes = 1};
    reading.models["m"].versions[1].last_used = absl::Now();
    reading.memory = {.limit_bytes = 1,
                      .used_bytes = 1,
                      .file_refaults = 1,
                      .limit_hits = 1,
                      .oom_kills = 1,
                      .some = PressureStall(),
                      .full = PressureStall()};
    return reading;
  });
  std::set<std::string> exposed;
  const std::string scrape = metrics.Render();
  for (const absl::string_view line : absl::StrSplit(scrape, '\n')) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ');
    if (words.size() == 4 && words[1] == "TYPE") {
      exposed.insert(absl::StrCat(words[2], " ", words[3]));
    }
  }
  std::set<std::string> documented;
  for (const auto& row : Rows("metrics.md")) {
    documented.insert(absl::StrCat(row[0], " ", row[1]));
  }
  EXPECT_EQ(documented, exposed);
  EXPECT_THAT(Page("metrics.md"),
              ::testing::HasSubstr(
                  absl::StrCat("A model has ", CountOf("model=\"m\"", scrape), " series at most")));
}

}  // namespace
}  // namespace firstlight
