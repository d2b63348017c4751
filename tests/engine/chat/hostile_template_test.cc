// Templates whose author means harm, and templates that are broken: an error or a text, in bounded
// time and memory, and never a crash.

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loader/base/strings.h"
#include "tests/engine/chat/template_support.h"
#include "tests/loader/status_matchers.h"

namespace firstlight {
namespace {

using testing::HasSubstr;

// Without a limit of time, which would end what does not count its work.
constexpr ChatTemplateLimits kSmall{.max_steps = 200'000,
                                    .max_time = absl::InfiniteDuration(),
                                    .max_output_bytes = 1 << 20,
                                    .max_value_bytes = 8 << 20};

std::string Repeat(std::string_view text, size_t times) {
  std::string result;
  for (size_t i = 0; i < times; ++i) result.append(text);
  return result;
}

TEST(HostileTemplateTest, ReachesALimitAndNothingElse) {
  const std::string sources[] = {
      "{{ 'a' * 10 ** 9 }}",
      "{{ ('a' * 10 ** 6) * 10 ** 12 }}",
      "{{ [0] * 10 ** 9 }}",
      "{{ ('a' * 1000000)|replace('a', 'b' * 1000000) }}",
      "{{ ('a' * 1000000)|replace('', 'b' * 1000000) }}",
      "{{ (['a'] * 100000)|join('b' * 100000) }}",
      "{% set ns = namespace(s='ab') %}{% for i in range(100) %}{% set ns.s = ns.s + ns.s %}{% "
      "endfor %}",
      "{% set ns = namespace(s=[1]) %}{% for i in range(100) %}{% set ns.s = ns.s + ns.s %}{% "
      "endfor %}",
      "{% set ns = namespace(s=[1]) %}{% for i in range(100) %}{% set ns.s = [ns.s, ns.s] %}{% "
      "endfor %}{{ ns.s }}",
      "{% set ns = namespace(s=[1]) %}{% for i in range(60) %}{% set ns.s = [ns.s, ns.s] %}{% "
      "endfor %}{{ ns.s|tojson }}",
      "{% set a = namespace(s=[1]) %}{% set b = namespace(s=[1]) %}{% for i in range(60) %}{% set "
      "a.s = [a.s, a.s] %}"
      "{% set b.s = [b.s, b.s] %}{% endfor %}{{ a.s == b.s }}",
      "{% set a = namespace(s=(1,)) %}{% for i in range(60) %}{% set a.s = (a.s, a.s) %}{% endfor "
      "%}{{ {a.s: 1} }}",
      "{% set ns = namespace(s=[]) %}{% for i in range(100000) %}{% set ns.s = [ns.s] %}{% endfor "
      "%}{{ ns.s }}",
      "{% set ns = namespace(s=[]) %}{% for i in range(1000) %}{% set ns.s = ns.s|map('upper') "
      "%}{% endfor %}{{ ns.s|list }}",
      "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}{% endfor "
      "%}{% endfor %}{% endfor %}",
      "{% for a in range(99999) %}{{ 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' }}{% endfor %}",
      "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
      "{% macro m(x) %}{{ m([x]) }}{% endmacro %}{{ m(1) }}",
      "{% macro a() %}{% call b() %}{{ a() }}{% endcall %}{% endmacro %}{% macro b() %}{{ caller() "
      "}}{% endmacro %}{{ a() }}",
      "{% for x in [[1]] recursive %}{{ loop([x]) }}{% endfor %}",
      "{% block a %}{{ self.a() }}{% endblock %}",
      "{{ '%1000000s' % 'a' ~ '%1000000s' % 'a' }}",
      "{{ '{:>999999}'.format('a') * 9 }}",
      "{{ ('\\t' * 1000)|string }}{{ ('\\t' * 1000).expandtabs(1000000) }}",
      "{{ 'a'.center(10 ** 12) }}",
      "{{ 'a'.zfill(10 ** 12) }}",
      "{{ ('a\\n' * 100000)|indent(100000) }}",
      "{{ [[[1]]]|tojson(indent=9999) }}{% set ns = namespace(s=[1]) %}{% for i in range(300) %}{% "
      "set ns.s = [ns.s] %}"
      "{% endfor %}{{ ns.s|tojson(indent=9999) }}",
      "{{ range(100000)|batch(1)|map('list')|list|map('batch', 1000000, 'x')|map('list')|list }}",
      "{{ [1]|batch(10 ** 12, 'x')|list }}",
      "{{ [1]|slice(10 ** 12)|list }}",
      "{% set l = [0] * 50000 %}{% set g = ('x' * 10000)|map('map', *l)|list %}",
      "{% set l = [0] * 50000 %}{% set g = ('x' * 10000)|map('select', *l)|list %}",
      "{% set ns = namespace() %}{% set ns.me = ns %}{{ ns }}",
      Repeat("(", 5000),
      "{{ " + Repeat("(", 5000) + "1" + Repeat(")", 5000) + " }}",
      "{{ " + Repeat("not ", 5000) + "1 }}",
      "{{ " + Repeat("-", 5000) + "1 }}",
      "{{ 1" + Repeat(" + 1", 5000) + " }}",
      "{{ x" + Repeat("|upper", 5000) + " }}",
      "{{ x" + Repeat(".x", 5000) + " }}",
      "{{ " + Repeat("[", 5000) + Repeat("]", 5000) + " }}",
      "{{ " + Repeat("1 if 1 else ", 5000) + "1 }}",
      Repeat("{% if 1 %}", 5000) + Repeat("{% endif %}", 5000),
      Repeat("{% for x in [1] %}", 1000) + Repeat("{% endfor %}", 1000),
      Repeat("{% set a = 1 %}{% if a %}{% set b = 1 %}", 300) + Repeat("{% endif %}", 300),
  };
  for (const std::string& source : sources) {
    const absl::StatusOr<RenderedChat> chat = RenderWith(source, "{}", kSmall);
    if (!source.starts_with("(")) {
      EXPECT_EQ(chat.status().code(), absl::StatusCode::kResourceExhausted)
          << source.substr(0, 200) << ": " << chat.status();
    }
  }
}

// A step for what takes milliseconds would let a template of one line run for hours.
TEST(HostileTemplateTest, WorkIsCountedByWhatItCosts) {
  constexpr std::string_view kText = "{% set s = 'x' * 1000000 %}";
  constexpr std::string_view kLetters = "{% set s = 'é' * 500000 %}";
  constexpr std::string_view kZeros = "{% set s = '0' * 1000000 %}";
  constexpr std::string_view kDict = "{% set d = dict.fromkeys(range(20000)|map('string'), 1) %}";
  const std::pair<std::string_view, std::string_view> operations[] = {
      {kText, "s is lower"},
      {kText, "s is upper"},
      {kText, "s in {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 7, 8: 8, 9: 9, 10: 10}"},
      {kText, "{s: 1}"},
      {"{% set a = 'x' * 1000000 ~ 'a' %}{% set d = {a: 1} %}{% set b = 'x' * 1000000 ~ 'b' %}",
       "b in d"},
      {kText, "'%.0s' % s"},
      {kText, "'{:.0}'.format(s)"},
      {kText, "[1, 2]|tojson(separators=[s, ':'])"},
      {kLetters, "s.startswith('a', 400000)"},
      {kLetters, "s.find('é', 499999)"},
      {kZeros, "s|int"},
      {kZeros, "s|float"},
      {"{% set a = [1] * 100000 %}{% set b = [1] * 100000 %}", "a < b"},
      {"{% set n = namespace() %}{% set n.me = n %}{% set p = 'me.' * 10000 ~ 'me' %}",
       "[n]|map(attribute=p)|list"},
      {"", "strftime_now('%c' * 2000)"},
      {"", "'%.1000000d' % 5"},
      {kDict, "'x'.format_map(d)"},
      {"{% set d = dict.fromkeys(range(20000), none) %}", "d|xmlattr"},
  };
  for (const auto& [preparation, operation] : operations) {
    const std::string source =
        StrCat(preparation, "{% for i in range(1000) %}{% set y = ", operation, " %}{% endfor %}");
    EXPECT_THAT(RenderWith(source, "{}", kSmall),
                StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("more steps than")))
        << source;
    // Done once, each of them is something that a template may do.
    const std::string once = StrCat(preparation, "{% set y = ", operation, " %}");
    EXPECT_TRUE(RenderWith(once, "{}").ok()) << once;
  }
}

// Done once: what is paid afterwards, or for a part alone, would pass.
TEST(HostileTemplateTest, WorkIsCountedInFull) {
  ChatTemplateLimits limits = kSmall;
  limits.max_steps = 50'000;
  for (const std::string_view source :
       {"{% set s = ('x' * 1000000).expandtabs(4) %}",
        "{% set s = 'x' * 1000000 %}{% set s = [(s, s)]|urlencode %}",
        "{% macro m() %}{% endmacro %}{% set l = [0] * 100000 %}{{ m(*l) }}"}) {
    EXPECT_THAT(RenderWith(source, "{}", limits),
                StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("more steps than")))
        << source;
  }
}

TEST(HostileTemplateTest, WhatALoopLooksUpIsCounted) {
  std::string names;
  std::string parameters;
  std::string blocks;
  for (int i = 0; i < 5000; ++i) {
    StrAppend(&names, "{{ a", i, " }}");
    StrAppend(&parameters, i > 0 ? "," : "", "a", i);
    StrAppend(&blocks, "{% block b", i, " %}{% endblock %}");
  }
  const std::string sources[] = {
      StrCat("{% for i in range(1000) %}{% if false %}", names, "{% endif %}{% endfor %}"),
      StrCat("{% macro m(", parameters, ") %}{% endmacro %}{% for i in range(100) %}{{ m() }}",
             "{% endfor %}"),
      StrCat(blocks, "{% for i in range(1000) %}{{ self.none is defined }}{% endfor %}"),
  };
  for (const std::string& source : sources) {
    EXPECT_EQ(RenderWith(source, "{}", kSmall).status().code(),
              absl::StatusCode::kResourceExhausted)
        << source.substr(0, 60);
  }
}

TEST(HostileTemplateTest, TextOfManyStretchesIsCountedWithThem) {
  constexpr ChatTemplateLimits kOutput{.max_output_bytes = 1 << 20};
  const std::string_view source = "{% for i in range(80000) %}{{ d }}b{% endfor %}";
  EXPECT_TRUE(RenderWith(source, "{}", kOutput).ok());
  EXPECT_EQ(RenderWith(source, R"({"d": "a"})", kOutput).status().code(),
            absl::StatusCode::kResourceExhausted);
}

constexpr std::string_view kForHours =
    "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}"
    "{% endfor %}{% endfor %}{% endfor %}";
constexpr int64_t kAnyNumberOfSteps = std::numeric_limits<int64_t>::max();

TEST(HostileTemplateTest, ProcessorTimeIsBounded) {
  const absl::Status status =
      RenderWith(kForHours, "{}",
                 {.max_steps = kAnyNumberOfSteps, .max_time = absl::Milliseconds(20)})
          .status();
  EXPECT_EQ(status, absl::ResourceExhaustedError(
                        "t:1: the template takes more time than one rendering may"));
}

TEST(HostileTemplateTest, EndsWhenNobodyWaitsForIt) {
  const auto none = ParseJson("[]");
  for (const int patience : {0, 3}) {
    int questions = 0;
    const absl::Status status =
        RenderTemplate(
            kForHours,
            {.messages = none->root(), .cancelled = [&] { return questions++ == patience; }},
            {.max_steps = kAnyNumberOfSteps, .max_time = absl::InfiniteDuration()})
            .status();
    EXPECT_EQ(status.code(), absl::StatusCode::kCancelled) << status;
    EXPECT_EQ(questions, patience + 1);
  }
}

TEST(HostileTemplateTest, ManyVariablesInManyBranches) {
  std::string source;
  for (int i = 0; i < 3000; ++i) StrAppend(&source, "{% set v", i, " = 1 %}");
  for (int i = 0; i < 9000; ++i) source.append("{% if 1 %}{% else %}{% endif %}");
  EXPECT_EQ(ChatTemplate::Compile(source, "t").status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST(HostileTemplateTest, SourceIsBounded) {
  EXPECT_EQ(ChatTemplate::Compile(std::string(2 << 20, 'x'), "t").status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(ChatTemplate::Compile(std::string(1 << 20, '\n'), "t").ok());
  EXPECT_TRUE(ChatTemplate::Compile(Repeat("{{ a }}", 100'000), "t").ok());
}

TEST(HostileTemplateTest, CirclesAreFreed) {
  // The address sanitizer would tell of what is not.
  EXPECT_EQ(Outcome(RenderWith("{% set ns = namespace() %}{% set ns.me = [ns] %}{% macro m() %}"
                               "{{ ns.m is defined }}{% endmacro %}{% set ns.m = m %}{{ m() }}"
                               "{% set ns.g = [1]|map('upper') %}{% set ns.loop = ns %}")),
            "=True");
}

TEST(HostileTemplateTest, LongListsOfListsAreFreedWithoutRecursion) {
  EXPECT_EQ(Outcome(RenderWith("{% set ns = namespace(s=[]) %}{% for i in range(100000) %}"
                               "{% set ns.s = [ns.s] %}{% endfor %}{{ ns.s|length }}")),
            "=1");
}

// Seeds for mutation: templates that use all of the language.
std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  for (const auto& folder : {JinjaGoldenDirectory() / "styles", PublishedTemplatesDirectory()}) {
    if (!std::filesystem::exists(folder)) continue;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.path().extension() == ".jinja") seeds.push_back(ReadTextFile(entry.path()));
    }
  }
  std::sort(seeds.begin(), seeds.end());
  return seeds;
}

class MutationTest : public testing::Test {
 protected:
  MutationTest()
      : conversations_(ParseJson(ReadTextFile(JinjaGoldenDirectory() / "conversations.json"))) {
    const JsonArray all = *conversations_->root().AsArray();
    for (const JsonValue conversation : all) inputs_.push_back(ConversationInput(conversation));
  }

  // Whatever comes out, it comes out.
  void Try(std::string_view source, size_t which) {
    const absl::StatusOr<RenderedChat> chat =
        RenderTemplate(source, inputs_[which % inputs_.size()], kSmall);
    if (chat.ok()) {
      ++rendered_;
    } else {
      EXPECT_FALSE(chat.status().message().empty());
    }
  }

  const std::unique_ptr<const JsonDocument> conversations_;
  std::vector<ChatTemplateInput> inputs_;
  size_t rendered_ = 0;
};

TEST_F(MutationTest, TruncatedTemplates) {
  std::mt19937 random(7);
  for (const std::string& seed : Seeds()) {
    for (int i = 0; i < 60; ++i) Try(seed.substr(0, random() % seed.size()), random());
    for (int i = 0; i < 20; ++i) Try(seed.substr(random() % seed.size()), random());
  }
}

TEST_F(MutationTest, TemplatesWithBytesChanged) {
  std::mt19937 random(11);
  constexpr std::string_view kBytes = "{}%#-+|.()[],:'\"\\ \n_0a~*=<>!\x80";
  for (const std::string& seed : Seeds()) {
    for (int i = 0; i < 150; ++i) {
      std::string source = seed;
      for (unsigned changes = 1 + random() % 4; changes > 0; --changes) {
        const size_t at = random() % source.size();
        switch (random() % 3) {
          case 0:
            source[at] = kBytes[random() % kBytes.size()];
            break;
          case 1:
            source.erase(at, 1 + random() % 8);
            break;
          default:
            source.insert(at, 1, kBytes[random() % kBytes.size()]);
            break;
        }
        if (source.empty()) source = "x";
      }
      Try(source, random());
    }
  }
}

// Tags in another order: most of these parse, and run with variables that others set.
TEST_F(MutationTest, ShuffledTemplates) {
  std::mt19937 random(13);
  std::vector<std::string> pieces;
  for (const std::string& seed : Seeds()) {
    for (size_t at = 0; at < seed.size();) {
      const size_t end = std::min(seed.find('{', at + 2), seed.size());
      pieces.push_back(seed.substr(at, end - at));
      at = end;
    }
  }
  for (int i = 0; i < 3000; ++i) {
    std::string source;
    for (unsigned count = 1 + random() % 30; count > 0; --count) {
      source += pieces[random() % pieces.size()];
    }
    Try(source, random());
  }
  for (const std::string& seed : Seeds()) {
    for (int i = 0; i < 40; ++i) {
      std::string source = seed;
      const size_t from = random() % source.size();
      const std::string moved = source.substr(from, random() % 200);
      source.erase(from, moved.size());
      source.insert(random() % (source.size() + 1), moved);
      Try(source, random());
    }
  }
  EXPECT_GT(rendered_, 50u);
}

// Expressions of the goldens cut and joined: they reach every filter and method with wrong values.
TEST_F(MutationTest, SplicedExpressions) {
  const std::unique_ptr<const JsonDocument> document =
      ParseJson(ReadTextFile(JinjaGoldenDirectory() / "expressions.json"));
  const auto none = ParseJson("[]");
  const ChatTemplateInput input{.messages = none->root(),
                                .kwargs = document->root().Get("context").value()};
  std::vector<std::string> sources;
  const JsonArray cases = *document->root().GetArray("cases");
  for (const JsonValue golden : cases) {
    const JsonArray pair = *golden.AsArray();
    sources.emplace_back(*(*pair.begin()).AsString());
  }
  std::mt19937 random(17);
  for (int i = 0; i < 6000; ++i) {
    const std::string& a = sources[random() % sources.size()];
    const std::string& b = sources[random() % sources.size()];
    const std::string source =
        a.substr(0, random() % (a.size() + 1)) + b.substr(random() % (b.size() + 1));
    const absl::StatusOr<RenderedChat> chat = RenderTemplate(source, input, kSmall);
    if (chat.ok()) ++rendered_;
  }
  EXPECT_GT(rendered_, 100u);
}

}  // namespace
}  // namespace firstlight
