// Against what Python's jinja2 made of the same templates (tests/golden/jinja).

#include <string>

#include "gtest/gtest.h"
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

}  // namespace
}  // namespace firstlight
