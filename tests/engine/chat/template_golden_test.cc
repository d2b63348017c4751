// Against what Python's jinja2 made of the same templates (tests/golden/jinja).

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>

#include "gtest/gtest.h"
#include "loader/base/strings.h"
#include "tests/engine/chat/template_support.h"

namespace firstlight {
namespace {

TEST(ExpressionGoldens, AreWhatPythonMakesOfThem) {
  const std::unique_ptr<const JsonDocument> document =
      ParseJson(ReadTextFile(JinjaGoldenDirectory() / "expressions.json"));
  const JsonValue context = *document->root().Get("context");
  const std::unique_ptr<const JsonDocument> none = ParseJson("[]");
  const ChatTemplateInput input{.messages = none->root(),
                                .kwargs = context,
                                .now = GoldenTime(),
                                .time_zone = absl::UTCTimeZone()};
  size_t cases = 0;
  const JsonArray all = *document->root().GetArray("cases");
  for (const JsonValue golden : all) {
    const JsonArray pair = *golden.AsArray();
    auto part = pair.begin();
    const std::string source(*(*part).AsString());
    ++part;
    EXPECT_EQ(Outcome(RenderTemplate(source, input)), *(*part).AsString()) << source;
    ++cases;
  }
  EXPECT_GT(cases, 3000u);
}

// Whether no byte of the text is both in an interval and outside of all, and they are in order.
bool AreSortedAndDisjoint(const RenderedChat& chat) {
  size_t end = 0;
  for (const ByteInterval& interval : chat.data_bytes) {
    if (interval.begin < end || interval.begin >= interval.end) return false;
    end = interval.end;
  }
  return end <= chat.text.size();
}

// Every template of `folder` with every conversation; `group` is what rendered.json calls them.
void CompareConversations(const std::filesystem::path& folder, std::string_view group,
                          size_t* templates) {
  const std::unique_ptr<const JsonDocument> conversations =
      ParseJson(ReadTextFile(JinjaGoldenDirectory() / "conversations.json"));
  const std::unique_ptr<const JsonDocument> rendered =
      ParseJson(ReadTextFile(JinjaGoldenDirectory() / "rendered.json"));
  const JsonObject goldens = *rendered->root().AsObject();
  for (const auto [name, outcomes] : goldens) {
    if (!name.starts_with(group)) continue;
    const std::filesystem::path path = folder / name.substr(group.size() + 1);
    if (!std::filesystem::exists(path)) continue;
    ++*templates;
    absl::StatusOr<std::unique_ptr<const ChatTemplate>> compiled =
        ChatTemplate::Compile(ReadTextFile(path), "t");
    ASSERT_TRUE(compiled.ok()) << path << ": " << compiled.status();
    const JsonArray expected_outcomes = *outcomes.AsArray();
    auto expected = expected_outcomes.begin();
    size_t index = 0;
    const JsonArray all = *conversations->root().AsArray();
    for (const JsonValue conversation : all) {
      SCOPED_TRACE(StrCat(name, ", conversation ", index++));
      const std::string_view golden = *(*expected).AsString();
      ++expected;
      const ChatTemplateInput input = ConversationInput(conversation);
      const absl::StatusOr<RenderedChat> chat = (*compiled)->Render(input);
      if (!golden.starts_with('!')) {
        ASSERT_TRUE(chat.ok()) << chat.status();
        EXPECT_EQ(ShortDigest(chat->text), golden) << chat->text;
        EXPECT_TRUE(AreSortedAndDisjoint(*chat));
      } else if (input.continue_final_message) {
        // Not the template's own words.
        EXPECT_FALSE(chat.ok());
      } else {
        EXPECT_EQ(Outcome(chat), golden);
      }
    }
  }
}

TEST(ConversationGoldens, TemplatesInTheStyleOfOthersGiveTheSameText) {
  size_t templates = 0;
  CompareConversations(JinjaGoldenDirectory() / "styles", "styles", &templates);
  EXPECT_GE(templates, 9u);
}

TEST(ConversationGoldens, PublishedTemplatesGiveTheSameText) {
  const std::filesystem::path folder = PublishedTemplatesDirectory();
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is not there";
  size_t templates = 0;
  CompareConversations(folder, "published", &templates);
  EXPECT_GE(templates, 10u);
}

}  // namespace
}  // namespace firstlight
