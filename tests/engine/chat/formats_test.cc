// The formats in which models answer: what each becomes, for every way that it can come in pieces.

#include "engine/chat/formats/formats.h"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/chat/formats/chat_parser.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace firstlight {

void PrintTo(const ChatPiece& piece, std::ostream* out) {
  constexpr std::string_view kKinds[] = {"text", "reasoning", "call"};
  *out << kKinds[static_cast<int>(piece.kind)] << "(" << piece.text << piece.tool_call.id << "|"
       << piece.tool_call.name << "|" << piece.tool_call.arguments << ")";
}

namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// The signs that published templates of each format show.
constexpr char kQwen[] = "'<think>\\n' + '</think>' <tool_call>\\n{\"name\": ";
constexpr char kGranite[] =
    "respond only with <|tool_call|> … <think></think> <response></response>";
constexpr char kMistral[] = "{{- '[TOOL_CALLS] [' }}";
constexpr char kMagistral[] = "[THINK] [TOOL_CALLS]";
constexpr char kLlama[] = "{{- \"<|python_tag|>\" + tool_call.name + \".call(\" }}";
constexpr char kHarmony[] = "<|start|>assistant<|channel|>final<|message|>";

ChatPiece Text(std::string text) { return {.text = std::move(text)}; }
ChatPiece Reasoning(std::string text) {
  return {.kind = ChatPiece::Kind::kReasoning, .text = std::move(text)};
}
ChatPiece Call(std::string name, std::string arguments, std::string id = "?") {
  return {.kind = ChatPiece::Kind::kToolCall,
          .tool_call = {
              .id = std::move(id), .name = std::move(name), .arguments = std::move(arguments)}};
}

// Joins neighbours of one kind, and puts "?" for ids that were drawn.
std::vector<ChatPiece> Joined(const std::vector<ChatPiece>& pieces) {
  std::vector<ChatPiece> joined;
  for (ChatPiece piece : pieces) {
    if (piece.tool_call.id.size() == 9) piece.tool_call.id = "?";
    const bool joins = !joined.empty() && joined.back().kind == piece.kind &&
                       piece.kind != ChatPiece::Kind::kToolCall;
    if (joins) {
      joined.back().text += piece.text;
    } else {
      joined.push_back(std::move(piece));
    }
  }
  return joined;
}

std::vector<ChatPiece> ParsePieces(std::string_view source, const std::vector<std::string>& pieces,
                                   const ChatParserOptions& options) {
  const std::unique_ptr<ChatParser> parser = FindChatFormat(source).NewParser(source, options);
  std::vector<ChatPiece> all;
  const auto take = [&all](std::vector<ChatPiece> some) {
    all.insert(all.end(), some.begin(), some.end());
  };
  for (const std::string& piece : pieces) {
    std::vector<ChatPiece> some;
    parser->Append(piece, &some);
    take(some);
  }
  std::vector<ChatPiece> some;
  parser->Finish(&some);
  take(some);
  return Joined(all);
}

// What `answer` becomes, whole; expects the same of it split at every place, and byte by byte.
std::vector<ChatPiece> Parse(std::string_view source, const std::string& answer,
                             const ChatParserOptions& options = {.has_tools = true}) {
  const std::vector<ChatPiece> whole = ParsePieces(source, {answer}, options);
  std::vector<std::string> bytes;
  for (size_t i = 0; i < answer.size(); ++i) {
    bytes.push_back(answer.substr(i, 1));
    EXPECT_EQ(ParsePieces(source, {answer.substr(0, i), answer.substr(i)}, options), whole)
        << "split at " << i;
  }
  EXPECT_EQ(ParsePieces(source, bytes, options), whole) << "byte by byte";
  return whole;
}

TEST(ChatFormatTest, TheTemplateSaysWhichItIs) {
  EXPECT_EQ(FindChatFormat(kQwen).name(), "hermes");
  EXPECT_EQ(FindChatFormat(kGranite).name(), "granite");
  EXPECT_EQ(FindChatFormat(kMistral).name(), "mistral");
  EXPECT_EQ(FindChatFormat(kLlama).name(), "llama");
  EXPECT_EQ(FindChatFormat(kHarmony).name(), "harmony");
  EXPECT_EQ(FindChatFormat("{{ messages }}").name(), "plain");
}

TEST(ChatFormatTest, UnknownFormatsAreTextToTheLastByte) {
  const std::string answer = " <think>no</think> <tool_call>{}\n\n [TOOL_CALLS] <|channel|> \n";
  EXPECT_THAT(Parse("{{ messages }}", answer), ElementsAre(Text(answer)));
}

TEST(ChatFormatTest, TextWithoutMarkupIsKeptInEveryFormat) {
  const std::string answer = "\n A < b, [c] and {d}: \"<tool\" <|  \n\n";
  for (const char* source : {kQwen, kGranite, kMistral, kLlama, kHarmony}) {
    EXPECT_THAT(Parse(source, answer), ElementsAre(Text(answer))) << source;
  }
}

TEST(HermesFormatTest, ReasoningThenTextThenCalls) {
  EXPECT_THAT(
      Parse(kQwen,
            "<think>\nThey ask\n\nfor two.\n</think>\n\nI will look.\n"
            "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\"}}\n"
            "</tool_call>\n<tool_call>\n{\"name\":\"time\",\"arguments\":{}}\n</tool_call>"),
      ElementsAre(Reasoning("They ask\n\nfor two."), Text("I will look."),
                  Call("weather", "{\"city\": \"Paris\"}"), Call("time", "{}")));
}

TEST(HermesFormatTest, EmptyReasoningIsNone) {
  EXPECT_THAT(Parse(kQwen, "<think>\n\n</think>\n\nHello."), ElementsAre(Text("Hello.")));
}

TEST(HermesFormatTest, ReasoningMayHaveBegunInThePrompt) {
  const ChatParserOptions begun = {.prompt_end = "<|im_start|>assistant\n<think>\n"};
  EXPECT_THAT(Parse(kQwen, "Well.\n</think>\n\nYes.", begun),
              ElementsAre(Reasoning("Well."), Text("Yes.")));
  const ChatParserOptions ended = {.prompt_end = "assistant\n<think>\n\n</think>\n\n"};
  EXPECT_THAT(Parse(kQwen, "Yes.", ended), ElementsAre(Text("Yes.")));
}

TEST(HermesFormatTest, AnAnswerThatIsCutOffLosesNothing) {
  EXPECT_THAT(Parse(kQwen, "<think>\nSo far\n"), ElementsAre(Reasoning("So far\n")));
  EXPECT_THAT(Parse(kQwen, "Look: <tool_call>\n{\"name\": \"f\", \"argu"),
              ElementsAre(Text("Look: <tool_call>\n{\"name\": \"f\", \"argu")));
  EXPECT_THAT(Parse(kQwen, "Look: <tool_c"), ElementsAre(Text("Look: <tool_c")));
}

TEST(HermesFormatTest, WhatIsNoCallIsText) {
  for (const std::string body :
       {"{\"name\": \"f\", \"arguments\": {\"a\": 1,}}", "{\"arguments\": {}}", "f(1)",
        "{\"name\": 5, \"arguments\": {}}", "{\"name\": \"f\", \"arguments\": [1]}",
        "<function=f>\n<parameter=x>1</parameter></function>", "{}", "[]", "",
        "{\"name\": \"f\", \"arguments\": {\"a\": \"line\nbreak\"}}"}) {
    const std::string answer = "A\n<tool_call>\n" + body + "\n</tool_call>\nB";
    EXPECT_THAT(Parse(kQwen, answer), ElementsAre(Text(answer))) << body;
  }
}

TEST(HermesFormatTest, AGoodCallAfterABadOneIsOne) {
  EXPECT_THAT(Parse(kQwen, "<tool_call>no</tool_call><tool_call>{\"name\":\"f\"}</tool_call>"),
              ElementsAre(Text("<tool_call>no</tool_call>"), Call("f", "{}")));
}

TEST(HermesFormatTest, ArgumentsKeepTheirSpelling) {
  EXPECT_THAT(Parse(kQwen,
                    "<tool_call>{\"name\": \"f\", \"arguments\": {\"b\" : 1.50, \"a\":\"\\u00e9 } "
                    "</tool_call>\"} , \"id\": \"call_1\"}</tool_call>"),
              ElementsAre(Call("f", "{\"b\" : 1.50, \"a\":\"\\u00e9 } </tool_call>\"}", "call_1")));
  EXPECT_THAT(Parse(kQwen, "<tool_call>{\"name\":\"f\",\"arguments\":\"{\\\"a\\\": 1}\"}"),
              ElementsAre(Call("f", "{\"a\": 1}")));
  EXPECT_THAT(Parse(kQwen,
                    "<tool_call>{\"type\":\"function\",\"function\":{\"name\":\"f\","
                    "\"parameters\":{\"a\":1}}}"),
              ElementsAre(Call("f", "{\"a\":1}")));
}

TEST(HermesFormatTest, TagsWithinAnAnswerAreText) {
  EXPECT_THAT(Parse(kQwen, "Write <think> first, </think> last, </tool_call> never."),
              ElementsAre(Text("Write <think> first, </think> last, </tool_call> never.")));
}

TEST(HermesFormatTest, WhiteSpaceBetweenCallsIsMarkup) {
  EXPECT_THAT(Parse(kQwen, "\n<tool_call>{\"name\":\"f\"}</tool_call>\n \nDone.\n"),
              ElementsAre(Call("f", "{}"), Text("\n \nDone.")));
}

TEST(HermesFormatTest, DrawnIdsDifferAndFollowTheSeed) {
  const std::string answer = "<tool_call>{\"name\":\"f\"}</tool_call>";
  const auto ids = [&](uint64_t seed) {
    const auto parser = FindChatFormat(kQwen).NewParser(kQwen, {.id_seed = seed});
    std::vector<ChatPiece> pieces;
    parser->Append(answer + answer, &pieces);
    return std::vector<std::string>{pieces.at(0).tool_call.id, pieces.at(1).tool_call.id};
  };
  EXPECT_NE(ids(1)[0], ids(1)[1]);
  EXPECT_NE(ids(1)[0], ids(2)[0]);
  EXPECT_EQ(ids(1), ids(1));
  EXPECT_THAT(ids(1)[0], testing::MatchesRegex("[0-9A-Za-z]+"));
  EXPECT_EQ(ids(1)[0].size(), 9);
}

TEST(GraniteFormatTest, ReasoningResponseAndAListOfCalls) {
  EXPECT_THAT(Parse(kGranite, "<think>Hm.</think>\n<response>Well.</response>"),
              ElementsAre(Reasoning("Hm."), Text("Well.")));
  EXPECT_THAT(Parse(kGranite,
                    "<|tool_call|>[{\"name\": \"f\", \"arguments\": {\"a\": [1, 2]}}, "
                    "{\"name\": \"g\", \"arguments\": {}}]"),
              ElementsAre(Call("f", "{\"a\": [1, 2]}"), Call("g", "{}")));
  EXPECT_THAT(Parse(kGranite, "<|tool_call|>[{\"name\": \"f\", \"arguments\": {}}]<|/tool_call|>."),
              ElementsAre(Call("f", "{}"), Text(".")));
}

TEST(GraniteFormatTest, AListThatBreaksOffKeepsItsCalls) {
  EXPECT_THAT(Parse(kGranite, "<|tool_call|>[{\"name\": \"f\"}, {\"name\": \"g\", oops}]"),
              ElementsAre(Call("f", "{}"), Text(", {\"name\": \"g\", oops}]")));
  EXPECT_THAT(Parse(kGranite, "<|tool_call|>[{\"name\": \"f\"}"), ElementsAre(Call("f", "{}")));
  EXPECT_THAT(Parse(kGranite, "<|tool_call|>[{\"name\": \"f\"},]"),
              ElementsAre(Call("f", "{}"), Text(",]")));
  EXPECT_THAT(Parse(kGranite, "<|tool_call|>[1]"), ElementsAre(Text("<|tool_call|>[1]")));
}

TEST(MistralFormatTest, ListsWithIdsAndNamesBeforeArguments) {
  EXPECT_THAT(Parse(kMistral,
                    "[TOOL_CALLS] [{\"name\": \"f\", \"arguments\": {\"a\": 1}, \"id\": \"abc\"}]"),
              ElementsAre(Call("f", "{\"a\": 1}", "abc")));
  EXPECT_THAT(
      Parse(kMistral, "Sure.[TOOL_CALLS]f[ARGS]{\"a\": 1}[TOOL_CALLS]g.h[CALL_ID]x7[ARGS]{}"),
      ElementsAre(Text("Sure."), Call("f", "{\"a\": 1}"), Call("g.h", "{}", "x7")));
  EXPECT_THAT(Parse(kMagistral, "[THINK]Hm.[/THINK]Well."),
              ElementsAre(Reasoning("Hm."), Text("Well.")));
}

TEST(MistralFormatTest, WhatIsNoCallIsText) {
  for (const std::string answer :
       {"[TOOL_CALLS]", "[TOOL_CALLS] no, thanks", "[TOOL_CALLS]f[ARGS]", "[TOOL_CALLS]f[ARGS]{a}",
        "[TOOL_CALLS]f g{}", "[TOOL_CALLS][{\"name\": \"f\"", "[TOOL_CALLS]f!{}"}) {
    EXPECT_THAT(Parse(kMistral, answer), ElementsAre(Text(answer)));
  }
}

TEST(LlamaFormatTest, AnAnswerOfJsonIsCallsWhereThereAreTools) {
  const std::string answer =
      "{\"name\": \"f\", \"parameters\": {\"a\": \"b\"}}; {\"name\": \"g\", \"parameters\": {}}";
  EXPECT_THAT(Parse(kLlama, answer), ElementsAre(Call("f", "{\"a\": \"b\"}"), Call("g", "{}")));
  EXPECT_THAT(Parse(kLlama, answer, {.has_tools = false}), ElementsAre(Text(answer)));
  EXPECT_THAT(Parse(kLlama, "So: " + answer), ElementsAre(Text("So: " + answer)));
  EXPECT_THAT(Parse(kLlama, "{\"answer\": 42}\n"), ElementsAre(Text("{\"answer\": 42}\n")));
  EXPECT_THAT(Parse(kLlama, "{\"name\": \"f\""), ElementsAre(Text("{\"name\": \"f\"")));
}

TEST(LlamaFormatTest, TheTagBeginsCallsOfAnyKind) {
  EXPECT_THAT(Parse(kLlama, "<|python_tag|>{\"name\": \"f\", \"parameters\": {\"a\": 1}}"),
              ElementsAre(Call("f", "{\"a\": 1}")));
  EXPECT_THAT(Parse(kLlama, "<|python_tag|>brave_search.call(query=\"the \\\"best\\\"\", n=3)",
                    {.has_tools = false}),
              ElementsAre(Call("brave_search", "{\"query\": \"the \\\"best\\\"\", \"n\": 3}")));
}

TEST(LlamaFormatTest, AProgramIsText) {
  for (const std::string program : {"print(1)\nx.call()", "f.call(a=)", "f.call(a=1", "{\"x\": 1}",
                                    "f.call(a=\"b\" c=1)", "f.call(a=1, a=2)", ""}) {
    EXPECT_THAT(Parse(kLlama, "Run:\n<|python_tag|>" + program),
                ElementsAre(Text("Run:\n<|python_tag|>" + program)))
        << program;
  }
}

const ChatParserOptions kHarmonyPrompt = {.prompt_end = "<|end|><|start|>assistant"};

TEST(HarmonyFormatTest, ChannelsBecomeReasoningAndText) {
  EXPECT_THAT(Parse(kHarmony,
                    "<|channel|>analysis<|message|>Simple.<|end|>"
                    "<|start|>assistant<|channel|>final<|message|>Four.<|return|>",
                    kHarmonyPrompt),
              ElementsAre(Reasoning("Simple."), Text("Four.")));
  EXPECT_THAT(Parse(kHarmony, "<|channel|>commentary<|message|>First this.<|end|>", kHarmonyPrompt),
              ElementsAre(Text("First this.")));
}

TEST(HarmonyFormatTest, RecipientsAreTools) {
  EXPECT_THAT(
      Parse(kHarmony,
            "<|channel|>analysis<|message|>Ask.<|end|><|start|>assistant<|channel|>"
            "commentary to=functions.weather <|constrain|>json<|message|>{\"city\":\"Rome\"}"
            "<|call|>",
            kHarmonyPrompt),
      ElementsAre(Reasoning("Ask."), Call("weather", "{\"city\":\"Rome\"}")));
  EXPECT_THAT(Parse(kHarmony, " to=browser.search<|channel|>analysis code<|message|>{\"q\": \"x\"}",
                    kHarmonyPrompt),
              ElementsAre(Call("browser.search", "{\"q\": \"x\"}")));
}

TEST(HarmonyFormatTest, WhatIsNoCallIsText) {
  const std::string answer =
      "<|channel|>commentary to=functions.f <|constrain|>json<|message|>{oops}<|call|>";
  EXPECT_THAT(Parse(kHarmony, answer, kHarmonyPrompt), ElementsAre(Text(answer)));
}

TEST(HarmonyFormatTest, AnAnswerThatIsCutOffLosesNothing) {
  EXPECT_THAT(Parse(kHarmony, "<|channel|>analysis<|message|>So", kHarmonyPrompt),
              ElementsAre(Reasoning("So")));
  EXPECT_THAT(Parse(kHarmony, "<|channel|>ana", kHarmonyPrompt),
              ElementsAre(Text("<|channel|>ana")));
  EXPECT_THAT(Parse(kHarmony, "", kHarmonyPrompt), IsEmpty());
}

TEST(HarmonyFormatTest, AnAnswerThatContinuesAMessageIsItsText) {
  EXPECT_THAT(Parse(kHarmony, " and so on<|return|>", {.continues_message = true}),
              ElementsAre(Text(" and so on")));
}

TEST(HarmonyFormatTest, WhatHasNoHeaderComesOutAsText) {
  const std::string answer(3000, 'x');
  EXPECT_THAT(ParsePieces(kHarmony, {answer}, kHarmonyPrompt), ElementsAre(Text(answer)));
}

}  // namespace
}  // namespace firstlight
