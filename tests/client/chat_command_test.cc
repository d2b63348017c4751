// `firstlight chat` and `firstlight render-chat` against the real daemon.

#include <csignal>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/client_process.h"
#include "tests/client/terminal_process.h"
#include "tests/loader/temporary_directory.h"
#include "tests/server/support/checkpoints.h"
#include "tests/server/support/server_process.h"

namespace firstlight {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr char kBlue[] = "Blue is my favorite color. What is my favorite color?";
constexpr char kGreen[] = "Green is my favorite color. What is my favorite color?";

class ChatCommandTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    endless_directory = new TemporaryDirectory;
    // A model that talks for as long as it may.
    const std::string endless = CopyCheckpoint(DemoCheckpoint(), *endless_directory, "endless");
    Edit(endless + "/config.json", "\"max_position_embeddings\": 512",
         "\"max_position_embeddings\": 1000000");
    server =
        new ServerProcess({"--model", "demo=" + DemoCheckpoint(), "--model", "endless=" + endless});
    ASSERT_TRUE(server->AwaitServing());
  }
  static void TearDownTestSuite() {
    delete server;
    server = nullptr;
    delete endless_directory;
    endless_directory = nullptr;
  }

  static std::vector<std::string> WithAddress(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--address", server->address()});
    return arguments;
  }
  static std::vector<std::string> Chat(std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.begin(), {"chat", "--model", "demo"});
    return WithAddress(std::move(arguments));
  }
  static ClientProcess::Exit Run(const std::vector<std::string>& arguments,
                                 const std::string& input = "") {
    return ClientProcess::Run(arguments, input);
  }
  static std::string Contents(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }

  static ServerProcess* server;
  static TemporaryDirectory* endless_directory;
};

ServerProcess* ChatCommandTest::server = nullptr;
TemporaryDirectory* ChatCommandTest::endless_directory = nullptr;

TEST_F(ChatCommandTest, APipeGetsAnswersAndNothingElse) {
  const auto exit = Run(Chat(), std::string(kBlue) + "\n\n" + kGreen + "\n");
  EXPECT_EQ(exit.code, 0);
  EXPECT_EQ(exit.output, "Your favorite color is blue.\nYour favorite color is green.\n");
  EXPECT_EQ(exit.errors, "");
}

TEST_F(ChatCommandTest, TheConversationIsRemembered) {
  const auto exit = Run(Chat(), "Blue is my favorite color.\nWhat is my favorite color?\n");
  EXPECT_EQ(exit.code, 0);
  EXPECT_THAT(exit.output, EndsWith("blue.\n"));
}

TEST_F(ChatCommandTest, OneMessageMayStandOnTheCommandLine) {
  EXPECT_EQ(Run(Chat({kBlue})).output, "Your favorite color is blue.\n");
  EXPECT_EQ(Run(Chat({"-"}), kBlue).output, "Your favorite color is blue.\n");
  const auto exit = Run(Chat({"--max-tokens", "2", "--verbose", kBlue}));
  EXPECT_EQ(exit.output, "Your favorite\n");
  EXPECT_THAT(exit.errors, AllOf(HasSubstr("prompt tokens"), HasSubstr("max tokens")));
}

TEST_F(ChatCommandTest, JsonIsOneResponseALineWithTokens) {
  auto arguments = Chat({kBlue});
  arguments.insert(arguments.begin(), "--json");
  const auto exit = Run(arguments);
  EXPECT_EQ(exit.code, 0);
  EXPECT_THAT(exit.output, StartsWith("{\"started\":{\"request_id\":"));
  EXPECT_THAT(exit.output, HasSubstr("{\"delta\":{\"index\":0,\"text\":\"Your\",\"tokens\":[{"));
  EXPECT_EQ(exit.errors, "");
}

TEST_F(ChatCommandTest, CommandsWorkInAPipe) {
  const TemporaryDirectory directory;
  const std::string file = directory.File("chat.json");
  const auto saved = Run(Chat({"--system", "Be kind."}),
                         std::string(kBlue) + "\n/save " + file + "\n/exit\n" + kGreen + "\n");
  EXPECT_EQ(saved.code, 0);
  EXPECT_EQ(saved.output, "Your favorite color is blue.\n");
  EXPECT_THAT(
      Contents(file),
      AllOf(HasSubstr("{\"messages\": [\n{\"role\": \"system\", \"content\": \"Be kind.\"}"),
            HasSubstr("\"content\": \"Your favorite color is blue.\"}\n]}\n")));

  const auto history =
      Run(Chat(), "/load " + file + "\n/system\n/undo\n" + kGreen + "\n/history\n");
  EXPECT_EQ(history.code, 0) << history.errors;
  EXPECT_EQ(history.output, std::string("Your favorite color is green.\nuser: ") + kGreen +
                                "\nassistant: Your favorite color is green.\n");

  const auto retried = Run(Chat(), std::string(kBlue) + "\n/set max-tokens 2\n/retry\n/set\n");
  EXPECT_EQ(retried.code, 0) << retried.errors;
  EXPECT_EQ(retried.output, "Your favorite color is blue.\nYour favorite\nmax_tokens 2\n");

  const auto reset = Run(Chat(), "Blue is my favorite color.\n/reset\n/history\n");
  EXPECT_THAT(reset.output, Not(HasSubstr("user:")));
}

TEST_F(ChatCommandTest, MessagesMayHaveSeveralLinesAndBeginWithASlash) {
  const TemporaryDirectory directory;
  const std::string file = directory.File("chat.json");
  const auto exit = Run(Chat({"--max-tokens", "1"}),
                        "one\\\ntwo\n\"\"\"three\n four\"\"\"\n//five\n"
                        "/save " +
                            file + "\n");
  EXPECT_EQ(exit.code, 0) << exit.errors;
  EXPECT_THAT(Contents(file), AllOf(HasSubstr("\"one\\ntwo\""), HasSubstr("\"three\\n four\""),
                                    HasSubstr("\"/five\"")));
}

TEST_F(ChatCommandTest, WhatIsWrongInAPipeIsAnExitCode) {
  EXPECT_EQ(Run(Chat(), "/dance\n" + std::string(kBlue) + "\n").code, 2);
  EXPECT_EQ(Run(Chat(), "/set top-p much\n").code, 2);
  EXPECT_EQ(Run(Chat({"--top-k", "many", "hi"})).code, 2);
  EXPECT_EQ(Run(Chat({"--tools", "/absent", "hi"})).code, 2);
  const auto failed = Run(Chat({"--top-p", "7"}), std::string(kBlue) + "\n");
  EXPECT_EQ(failed.code, 1);
  EXPECT_THAT(failed.errors, AllOf(HasSubstr("INVALID_ARGUMENT"), HasSubstr("sampling.top_p")));
  EXPECT_EQ(Run(WithAddress({"chat", "--model", "absent", "hi"})).code, 1);
  EXPECT_EQ(Run(Chat({"--load", "/absent", "hi"})).code, 1);
}

TEST_F(ChatCommandTest, InterruptEndsOneMessage) {
  ClientProcess client(WithAddress({"chat", "--model", "endless", "--max-tokens", "900000",
                                    "--ignore-eos", "Once upon a time"}));
  const std::string running = "firstlight_sequences{model=\"endless\",state=\"running\"}";
  ASSERT_TRUE(server->WaitForMetric(running, [](double value) { return value == 1; }));
  client.Signal(SIGINT);
  EXPECT_EQ(client.WaitForExit().code, 130);
  EXPECT_TRUE(server->WaitForMetric(running, [](double value) { return value == 0; }));
}

TEST_F(ChatCommandTest, ATerminalHasAPromptAndEditsLines) {
  TerminalProcess terminal(Chat());
  ASSERT_TRUE(terminal.WaitFor("> ")) << terminal.shown();
  terminal.Type("/hexlp\x1b[D\x1b[D\x7f\r");  // two to the left, and rub out the x
  ASSERT_TRUE(terminal.WaitFor("/reset")) << terminal.shown();
  ASSERT_TRUE(terminal.WaitFor("> ")) << terminal.shown();
  terminal.Type(std::string(kBlue) + "\r");
  ASSERT_TRUE(terminal.WaitFor("\nYour favorite color is blue.")) << terminal.shown();
  ASSERT_TRUE(terminal.WaitFor("> ")) << terminal.shown();
  terminal.Type("\x10\r");  // the line before, again
  ASSERT_TRUE(terminal.WaitFor("\nYour favorite color is blue.")) << terminal.shown();
  ASSERT_TRUE(terminal.WaitFor("> ")) << terminal.shown();
  terminal.Type("/nonsense\r");
  ASSERT_TRUE(terminal.WaitFor("no command /nonsense")) << terminal.shown();
  ASSERT_TRUE(terminal.WaitFor("> ")) << terminal.shown();
  terminal.Type("\x04");
  EXPECT_EQ(terminal.WaitForExit(), 0) << terminal.shown();
}

TEST_F(ChatCommandTest, ControlCGivesUpALineAndStopsAnAnswerAndNotTheSession) {
  TerminalProcess terminal(WithAddress({"chat", "--model", "endless"}));
  ASSERT_TRUE(terminal.WaitFor("> ")) << terminal.shown();
  terminal.Type("never sent");
  ASSERT_TRUE(terminal.WaitFor("never sent")) << terminal.shown();
  terminal.Type("\x03");
  ASSERT_TRUE(terminal.WaitFor("> ")) << terminal.shown();
  terminal.Type("/set max-tokens 900000\r");
  ASSERT_TRUE(terminal.WaitFor("max-tokens set")) << terminal.shown();
  ASSERT_TRUE(terminal.WaitFor("> ")) << terminal.shown();
  terminal.Type("/set ignore-eos true\r");
  ASSERT_TRUE(terminal.WaitFor("ignore-eos set")) << terminal.shown();
  ASSERT_TRUE(terminal.WaitFor("> ")) << terminal.shown();
  terminal.Type(std::string(kBlue) + "\r");
  ASSERT_TRUE(terminal.WaitFor("\nYour favorite")) << terminal.shown();
  terminal.Type("\x03");
  ASSERT_TRUE(terminal.WaitFor("[stopped]")) << terminal.shown();
  ASSERT_TRUE(terminal.WaitFor("> ")) << terminal.shown();
  terminal.Type("/history\r");
  ASSERT_TRUE(terminal.WaitFor("assistant: Your favorite")) << terminal.shown();
  EXPECT_THAT(terminal.shown(), Not(HasSubstr("user: never sent")));
  ASSERT_TRUE(terminal.WaitFor("> ")) << terminal.shown();
  terminal.Type("/exit\r");
  EXPECT_EQ(terminal.WaitForExit(), 0) << terminal.shown();
}

TEST_F(ChatCommandTest, ATerminalIsTextAndNothingThatItWouldObey) {
  constexpr char kEscape[] = "34";  // the token of that byte
  for (const std::string command : {"chat", "generate"}) {
    const std::vector<std::string> arguments = WithAddress(
        {command, "--model", "demo", "--max-tokens", "2", "--allowed-token-ids", kEscape, "hi"});
    TerminalProcess terminal(arguments);
    EXPECT_EQ(terminal.WaitForExit(), 0) << terminal.shown();
    EXPECT_THAT(terminal.shown(), HasSubstr("\\u001b\\u001b"));
    EXPECT_THAT(terminal.shown(), Not(HasSubstr("\x1b")));
    EXPECT_EQ(Run(arguments).output, "\x1b\x1b\n");
  }
  const TemporaryDirectory directory;
  const std::string file = directory.Write(
      "c.json", R"({"messages": [{"role": "user", "content": "\u001b[31m\u0085\nred"}]})");
  const std::vector<std::string> arguments = WithAddress({"render-chat", "--model", "demo", file});
  TerminalProcess terminal(arguments);
  EXPECT_EQ(terminal.WaitForExit(), 0) << terminal.shown();
  EXPECT_THAT(terminal.shown(), HasSubstr("\\u001b[31m\\u0085\r\nred"));
  EXPECT_THAT(terminal.shown(), Not(HasSubstr("\x1b")));
  EXPECT_THAT(Run(arguments).output, HasSubstr("\x1b[31m\xc2\x85\nred"));
}

TEST_F(ChatCommandTest, AFailedRequestLeavesTheSessionAsItWas) {
  TerminalProcess terminal(Chat({"--top-p", "7"}));
  ASSERT_TRUE(terminal.WaitFor("> ")) << terminal.shown();
  terminal.Type("hello\r");
  ASSERT_TRUE(terminal.WaitFor("sampling.top_p")) << terminal.shown();
  ASSERT_TRUE(terminal.WaitFor("> ")) << terminal.shown();
  terminal.Type("/set top-p\r");
  ASSERT_TRUE(terminal.WaitFor("top-p unset")) << terminal.shown();
  ASSERT_TRUE(terminal.WaitFor("> ")) << terminal.shown();
  terminal.Type(std::string(kBlue) + "\r");
  ASSERT_TRUE(terminal.WaitFor("\nYour favorite color is blue.")) << terminal.shown();
}

TEST_F(ChatCommandTest, RenderChatPrintsThePromptToTheByte) {
  const std::string conversation =
      R"({"messages": [{"role": "user", "content": " hi "}], "add_generation_prompt": true})";
  const auto render = [](std::vector<std::string> arguments, const std::string& input = "") {
    arguments.insert(arguments.begin(), {"render-chat", "--model", "demo"});
    return Run(WithAddress(std::move(arguments)), input);
  };
  const auto piped = render({"-"}, conversation);
  EXPECT_EQ(piped.code, 0) << piped.errors;
  EXPECT_EQ(piped.output, "<s><|user|> hi<|assistant|>");
  const TemporaryDirectory directory;
  EXPECT_EQ(render({directory.Write("c.json", conversation)}).output, piped.output);
  EXPECT_EQ(render({"-"}, R"({"messages": [{"role": "user", "content": "hi"},
                                           {"role": "assistant", "content": "Yes, "}],
                              "tools": null, "continue_final_message": true})")
                .output,
            "<s><|user|> hi<|assistant|> Yes,");
  EXPECT_THAT(render({"--json", "-"}, conversation).output,
              AllOf(StartsWith("{\"model\":\"demo\",\"version\":\"1\",\"text\":\"\\u003cs"),
                    HasSubstr("\"token_ids\":[1,5,")));
  EXPECT_EQ(render({"-"}, "{\"message\": []}").code, 2);
  EXPECT_EQ(render({"-"}, "no JSON").code, 2);
  EXPECT_EQ(render({"/absent"}).code, 1);
  const auto refused = render({"-"}, R"({"messages": [{"role": "pope", "content": "hi"}]})");
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.errors, HasSubstr("Only the roles"));
}

}  // namespace
}  // namespace firstlight
