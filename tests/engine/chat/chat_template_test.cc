#include "engine/chat/chat_template.h"

#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loader/base/strings.h"
#include "tests/engine/chat/template_support.h"

namespace firstlight {
namespace {

using ::testing::HasSubstr;

// The text of `chat` with its data in angle brackets: "<|user|>" is all the template's, and what
// comes from input reads «so».
std::string Marked(const RenderedChat& chat) {
  std::string marked;
  size_t end = 0;
  for (const ByteInterval& interval : chat.data_bytes) {
    StrAppend(&marked, chat.text.substr(end, interval.begin - end), "«",
              chat.text.substr(interval.begin, interval.end - interval.begin), "»");
    end = interval.end;
  }
  return marked + chat.text.substr(end);
}

std::string MarkedWith(std::string_view source, std::string kwargs) {
  const absl::StatusOr<RenderedChat> chat = RenderWith(source, std::move(kwargs));
  EXPECT_TRUE(chat.ok()) << chat.status();
  return chat.ok() ? Marked(*chat) : "";
}

TEST(ProvenanceTest, IsKeptByEveryOperation) {
  const std::string kwargs =
      R"js({"d": "a-b", "w": ["x", "y"], "n": 12, "f": 1.5, "t": true, "o": {"k": "v\n"}, "e": ""})js";
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"{{ d }}|{{ 'd' }}", "«a-b»|d"},
      {"{{ d + '!' + d ~ 1 }}", "«a-b»!«a-b»1"},
      {"{{ '<' ~ d[1:] ~ '>' }}{{ d[0] }}{{ ('x' + d + 'y')[::-1] }}", "<«-b»>«a»y«b-a»x"},
      {"{{ ('x' + d).replace('-', '+') }} {{ 'p-q'|replace('-', d) }}", "x«a»+«b» p«a-b»q"},
      {"{{ ('x' ~ d ~ ' ').split('-')|join('/') }}", "x«a»/«b» "},
      {"{{ ('  ' ~ d ~ '\n').strip() }}|{{ d.lstrip('a') }}|{{ d|trim('b') }}", "«a-b»|«-b»|«a-»"},
      {"{{ ('q' ~ d)|upper }}{{ d.title() }}{{ ('ß' ~ d)|capitalize }}", "Q«A-BA-B»Ss«a-b»"},
      {"{{ '%s|%5s|%d' % (d, 'z', n) }} {{ '{}:{:>3}'.format(d, n) }}",
       "«a-b»|    z|«12» «a-b»: «12»"},
      {"{{ w|join(', ') }} {{ w }}", "«x», «y» «['x', 'y']»"},
      {"{{ {'k': d, 'l': 1}|tojson }}", "{\"k\": «\"a-b\"», \"l\": 1}"},
      {"{{ o|tojson }} {{ [w]|tojson }}", "«{\"k\": \"v\\n\"}» [«[\"x\", \"y\"]»]"},
      {"{{ n }}{{ n + 1 }}{{ f }}{{ t }}{{ n|string }}{{ '3'|int }}", "«12131.5True12»3"},
      {"{{ d|e }}{{ ('<' ~ d)|e }}{{ (d|safe) + '<' }}", "«a-b»&lt;«a-ba-b»&lt;"},
      {"{% set x %}[{{ d }}]{% endset %}{{ x|upper }}{% filter upper %}z{{ d }}{% endfilter %}",
       "[«A-B»]Z«A-B»"},
      {"{% macro m(a) %}<{{ a }}>{% endmacro %}{{ m(d) }}{{ m('d') }}", "<«a-b»><d>"},
      {"{% for c in d %}{{ c }},{% endfor %}", "«a»,«-»,«b»,"},
      {"{% for k, v in o.items() %}{{ k }}={{ v|indent }}{% endfor %}", "«k»=«v\n»"},
      {"{% for k in dict(**o) %}<{{ k }}>{% endfor %}{{ namespace(**o) }}",
       "<«k»><Namespace {«'k'»: «'v\\n'»}>"},
      {"{% macro m() %}{{ kwargs }}{% endmacro %}{{ m(**o) }}{{ m(k=1) }}",
       "{«'k'»: «'v\\n'»}{'k': 1}"},
      {"{{ '{:{}>3}'.format('z', w[0]) }}{{ '{:{}>3}'.format('z', 'x') }}", "«xxz»xxz"},
      {"{{ d * 2 }}{{ ('ab' * n)[:2] }}{{ 'ab' * 2 }}", "«a-ba-bab»abab"},
      {"{{ d|truncate(2, true, '.', 0) }}{{ d.center(7, '*') }}{{ (d ~ '1').zfill(6) }}",
       "«a».**«a-b»**00«a-b»1"},
      {"{{ d|default('x') }}{{ e|default('x', true) }}{{ d if d else 'y' }}", "«a-b»x«a-b»"},
      {"{{ d|length }}{{ d == 'a-b' }}{{ d is string }}", "3TrueTrue"},
      {"{{ dict(a=d).a }}{{ namespace(a=d).a }}{{ [d]|first }}{{ (w|map('upper')|list)[0] }}",
       "«a-ba-ba-bX»"},
      {"{{ d|urlencode }}{{ 'a b'|urlencode }}", "«a-b»a%20b"},
      {"{{ (w + ['z'])|sort(reverse=true)|join }}", "z«yx»"},
  };
  for (const auto& [source, expected] : cases) {
    EXPECT_EQ(MarkedWith(source, kwargs), expected) << source;
  }
}

TEST(ProvenanceTest, MessagesNeverLookLikeTheTemplate) {
  const auto conversation = ParseJson(
      R"js({"messages": [{"role": "<|user|>", "content": "<|end|>"}], "tools": [{"name": "</s>"}]})js");
  ChatTemplateInput input = ConversationInput(conversation->root());
  const absl::StatusOr<RenderedChat> chat = RenderTemplate(
      "{{ bos_token }}{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}"
      "{{ tools|tojson }}{{ tools[0].name ~ eos_token }}",
      input);
  ASSERT_TRUE(chat.ok()) << chat.status();
  EXPECT_EQ(Marked(*chat), "<s><|«<|user|>»|>«<|end|>»<|end|>«[{\"name\": \"</s>\"}]</s>»</s>");
}

TEST(ChatTemplateTest, GivesReasoningUnderEachOfItsNames) {
  const std::string_view source = "{% for m in messages %}{{ m|tojson }}{% endfor %}";
  const auto render = [&](std::string messages) {
    const auto document = ParseJson(std::move(messages));
    const auto chat = RenderTemplate(source, {.messages = document->root()});
    EXPECT_TRUE(chat.ok()) << chat.status();
    return chat.ok() ? chat->text : "";
  };
  EXPECT_EQ(render(R"([{"role": "a", "reasoning": "r"}])"),
            R"({"thinking": "r", "role": "a", "reasoning": "r", "reasoning_content": "r"})");
  EXPECT_EQ(render(R"([{"thinking": "t", "reasoning_content": "c"}])"),
            R"({"thinking": "t", "reasoning_content": "c"})");
  EXPECT_EQ(render(R"([{"role": "a", "reasoning_content": null}])"),
            R"({"role": "a", "reasoning_content": null})");
}

TEST(ChatTemplateTest, KeepsTheSpellingOfNumbersAndTheOrderOfKeys) {
  EXPECT_EQ(RenderWith("{{ x|tojson }} {{ x }}",
                       R"({"x": {"b": 1.0, "a": -0.0, "c": 123456789012345678901234567890,
                           "d": -9223372036854775808, "e": 18446744073709551615, "f": 1e2}})")
                ->text,
            R"({"b": 1.0, "a": -0.0, "c": 123456789012345678901234567890, )"
            R"("d": -9223372036854775808, "e": 18446744073709551615, "f": 100.0} )"
            R"({'b': 1.0, 'a': -0.0, 'c': 123456789012345678901234567890, )"
            R"('d': -9223372036854775808, 'e': 18446744073709551615, 'f': 100.0})");
}

TEST(ChatTemplateTest, ContinuesTheFinalMessage) {
  const auto render = [](std::string_view source, std::string messages) {
    const auto document = ParseJson(std::move(messages));
    return Outcome(RenderTemplate(source, {.messages = document->root(),
                                           .add_generation_prompt = false,
                                           .continue_final_message = true}));
  };
  constexpr std::string_view kPlain =
      "{% for m in messages %}[{{ m.role }}]{{ m.content }}[end]{% endfor %}";
  constexpr std::string_view kTrimmed =
      "{% for m in messages %}[{{ m.role }}]{{ m.content|trim }}[end]{% endfor %}";
  EXPECT_EQ(render(kPlain, R"([{"role": "u", "content": "x"}, {"role": "a", "content": "so "}])"),
            "=[u]x[end][a]so ");
  EXPECT_EQ(render(kTrimmed, R"([{"role": "a", "content": " so \n"}])"), "=[a]so");
  EXPECT_THAT(render("{{ messages|length }}", R"([{"role": "a", "content": "so"}])"),
              HasSubstr("does not appear"));
  EXPECT_THAT(render(kPlain, "[]"), HasSubstr("needs a message"));
  EXPECT_THAT(render(kPlain, R"([{"role": "a"}])"), HasSubstr("needs a content"));
  const auto document = ParseJson("[]");
  EXPECT_THAT(Outcome(RenderTemplate(
                  kPlain, {.messages = document->root(), .continue_final_message = true})),
              HasSubstr("exclude each other"));
}

TEST(ChatTemplateTest, ErrorsNameTheFileAndTheLine) {
  const auto messages = ParseJson("[{\"role\": \"user\", \"content\": null}]");
  const auto error = [&](std::string_view source) {
    const absl::StatusOr<std::unique_ptr<const ChatTemplate>> compiled =
        ChatTemplate::Compile(source, "chat_template.jinja");
    if (!compiled.ok()) return compiled.status();
    return (*compiled)->Render({.messages = messages->root()}).status();
  };
  EXPECT_EQ(error("a\n{{ raise_exception('No ' ~\n messages[0].role) }}"),
            absl::InvalidArgumentError("chat_template.jinja:2: No user"));
  EXPECT_EQ(error("\n\n{% for m in messages %}\n{{ 'x' + m.content }}{% endfor %}"),
            absl::InvalidArgumentError("chat_template.jinja:4: TypeError: can only concatenate str "
                                       "(not \"NoneType\") to str"));
  EXPECT_EQ(error("\n{% if %}"),
            absl::InvalidArgumentError(
                "chat_template.jinja:2: TemplateSyntaxError: Expected an expression, got 'end of "
                "statement block'"));
  EXPECT_EQ(error("\n{{ 1|nope }}"),
            absl::InvalidArgumentError(
                "chat_template.jinja:2: TemplateAssertionError: No filter named 'nope'."));
  EXPECT_EQ(error("\n{% include 'x' %}"),
            absl::UnimplementedError("chat_template.jinja:2: the tag \"include\" is not "
                                     "implemented: a chat template is one file"));
  EXPECT_EQ(error("{% extends 'x' %}").code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(error("{% import 'x' as y %}").code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(error("{% from 'x' import y %}").code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(error("{{ 'x'|urlize }}").code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(error("{{ lipsum() }}").code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(error("{{ 2 ** 64 }}").code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(error("a\xFF"), absl::InvalidArgumentError("chat_template.jinja: not UTF-8 at byte 1"));
}

TEST(ChatTemplateTest, RefusesInputOfAnotherShape) {
  const auto refuse = [](std::string input) {
    const auto document = ParseJson(std::move(input));
    return std::string(RenderTemplate("", ConversationInput(document->root())).status().message());
  };
  EXPECT_THAT(refuse(R"({"messages": {}})"), HasSubstr("expected an array"));
  EXPECT_THAT(refuse(R"({"messages": ["x"]})"), HasSubstr("expected each message as an object"));
  EXPECT_THAT(refuse(R"({"messages": [], "tools": [1]})"), HasSubstr("expected each tool"));
  EXPECT_THAT(refuse(R"({"messages": [], "documents": {}})"), HasSubstr("expected an array"));
  EXPECT_THAT(refuse(R"({"messages": [], "chat_template_kwargs": {"tools": 1}})"),
              HasSubstr("chat_template_kwargs.tools"));
  EXPECT_THAT(refuse(R"({"messages": [], "chat_template_kwargs": []})"), HasSubstr("an object"));
}

TEST(ChatTemplateTest, TellsTheTimeOfItsInput) {
  const auto none = ParseJson("[]");
  absl::TimeZone tokyo = absl::FixedTimeZone(9 * 60 * 60);
  EXPECT_EQ(RenderTemplate("{{ strftime_now('%Y-%m-%d %H:%M:%S.%f %a %d %b') }}",
                           {.messages = none->root(), .now = GoldenTime(), .time_zone = tokyo})
                ->text,
            "2024-07-27 00:04:05.006789 Sat 27 Jul");
}

TEST(ChatTemplateTest, ManyThreadsRenderOneTemplate) {
  const absl::StatusOr<std::unique_ptr<const ChatTemplate>> compiled = ChatTemplate::Compile(
      "{% macro m(x) %}{{ x|upper }}{% endmacro %}{% for c in messages %}{{ m(c.content) ~ 'é' }}"
      "{% endfor %}",
      "t");
  ASSERT_TRUE(compiled.ok());
  const auto document = ParseJson(R"([{"content": "a"}, {"content": "b"}])");
  // Abseil makes the lock of its time zones at the first use, which ThreadSanitizer cannot see.
  EXPECT_EQ(Outcome((*compiled)->Render({.messages = document->root()})), "=AéBé");
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 50; ++j) {
        EXPECT_EQ(Outcome((*compiled)->Render({.messages = document->root()})), "=AéBé");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace firstlight
