// The command-line client against the real daemon: what it prints where, and its exit codes.

#include <csignal>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/client_process.h"
#include "tests/server/support/checkpoints.h"
#include "tests/server/support/server_process.h"

namespace firstlight {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;

constexpr char kQuestion[] = "Blue is my favorite color. What is my favorite color?";

class ClientTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    server = new ServerProcess(
        {"--model", "demo=" + DemoCheckpoint(), "--model", "golden=" + GoldenCheckpoint()});
    ASSERT_TRUE(server->AwaitServing());
  }
  static void TearDownTestSuite() {
    delete server;
    server = nullptr;
  }

  static std::vector<std::string> WithAddresses(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(),
                     {"--address", server->address(), "--admin-address", server->admin_address()});
    return arguments;
  }
  static ClientProcess::Exit Run(const std::vector<std::string>& arguments,
                                 const std::string& input = "") {
    return ClientProcess::Run(WithAddresses(arguments), input);
  }

  static ServerProcess* server;
};

ServerProcess* ClientTest::server = nullptr;

TEST_F(ClientTest, GenerateStreamsTextToStdoutAndFiguresToStderr) {
  const auto exit = Run({"generate", "--model", "demo", kQuestion});
  EXPECT_EQ(exit.code, 0);
  EXPECT_EQ(exit.output, " Your favorite color is blue.\n");
  EXPECT_THAT(exit.errors, HasSubstr("prompt tokens"));
  EXPECT_THAT(exit.errors, HasSubstr("end of sequence"));
  EXPECT_THAT(exit.errors, HasSubstr("tokens/s"));
}

TEST_F(ClientTest, GenerateReadsThePromptFromStandardInput) {
  const auto exit = Run({"generate", "--model", "demo", "-"}, kQuestion);
  EXPECT_EQ(exit.output, " Your favorite color is blue.\n");
}

TEST_F(ClientTest, JsonIsOneResponseALineWithTheProtosOwnNames) {
  const auto exit = Run({"--json", "generate", "--model", "golden", "--prompt-token-ids", "1,2, 3",
                         "--max-tokens", "2", "--ignore-eos", "--seed", "7"});
  EXPECT_EQ(exit.code, 0);
  EXPECT_THAT(exit.output, StartsWith("{\"started\":{\"request_id\":"));
  EXPECT_THAT(exit.output, HasSubstr("\"seed\":\"7\",\"prompt_tokens\":3}}\n"));
  EXPECT_THAT(exit.output, HasSubstr("{\"delta\":{\"index\":0,\"text\":\"\",\"tokens\":[{\"id\":"));
  EXPECT_THAT(exit.output, HasSubstr("\"finish_reason\":\"FINISH_REASON_MAX_TOKENS\""));
  EXPECT_EQ(exit.errors, "");
}

TEST_F(ClientTest, SeveralSequencesAreKeptApart) {
  const auto exit = Run({"generate", "--model", "demo", "--num-sequences", "2", kQuestion});
  EXPECT_EQ(exit.output, " Your favorite color is blue.\n--- 1\n Your favorite color is blue.\n");
}

TEST_F(ClientTest, TokenIdsAndLogprobsAreShownWhereTheyAreAskedFor) {
  const auto exit = Run({"generate", "--model", "golden", "--prompt-token-ids", "1,2",
                         "--max-tokens", "3", "--ignore-eos", "--token-ids", "--logprobs"});
  EXPECT_THAT(exit.output, MatchesRegex("[0-9]+ [0-9]+ [0-9]+ \n"));
  EXPECT_THAT(exit.errors, ContainsRegex("[0-9]+ +-[0-9]+\\.[0-9][0-9][0-9][0-9]"));
  // The best tokens say that log-probabilities are wanted.
  const auto top = Run({"generate", "--model", "golden", "--prompt-token-ids", "1,2",
                        "--max-tokens", "3", "--ignore-eos", "--top-logprobs", "2"});
  EXPECT_THAT(top.errors, ContainsRegex("[0-9]+ +-[0-9]+\\.[0-9][0-9][0-9][0-9]"));
}

TEST_F(ClientTest, TokenizeAndDetokenizeAreEachOthersInverse) {
  const auto tokens = Run({"tokenize", "--model", "demo", "--no-special-tokens", kQuestion});
  EXPECT_EQ(tokens.code, 0);
  const auto text = Run({"detokenize", "--model", "demo", "-"}, tokens.output);
  EXPECT_EQ(text.output, std::string(kQuestion) + "\n");
}

TEST_F(ClientTest, AFailedRequestSaysWhyAndExitsWithOne) {
  const auto exit = Run({"generate", "--model", "demo", "--top-p", "nan", "hello"});
  EXPECT_EQ(exit.code, 1);
  EXPECT_EQ(exit.output, "");
  EXPECT_THAT(exit.errors, AllOf(HasSubstr("INVALID_ARGUMENT"), HasSubstr("sampling.top_p")));
}

TEST_F(ClientTest, BadUsageExitsWithTwo) {
  EXPECT_EQ(Run({}).code, 2);
  EXPECT_EQ(Run({"frobnicate"}).code, 2);
  EXPECT_EQ(Run({"generate", "--top-k", "many", "hello"}).code, 2);
  EXPECT_EQ(Run({"generate", "--logit-bias", "5", "hello"}).code, 2);
  EXPECT_EQ(Run({"generate", "--logit-bias", "5=1x", "hello"}).code, 2);
  EXPECT_EQ(Run({"generate", "--prompt-token-ids", "1,b"}).code, 2);
  EXPECT_EQ(Run({"detokenize", "x"}).code, 2);
}

TEST_F(ClientTest, HelpExitsWithZero) {
  const auto exit = Run({"--help"});
  EXPECT_EQ(exit.code, 0);
  EXPECT_THAT(exit.output, HasSubstr("generate"));
}

TEST_F(ClientTest, NoDaemonIsSaidInWords) {
  const auto exit = ClientProcess::Run({"--address", "127.0.0.1:1", "generate", "hello"});
  EXPECT_EQ(exit.code, 1);
  EXPECT_THAT(exit.errors, HasSubstr("Is firstlightd running?"));
}

TEST_F(ClientTest, HealthIsAnExitCode) {
  EXPECT_EQ(Run({"health"}).code, 0);
  EXPECT_EQ(Run({"health", "--model", "demo"}).output, "SERVING\n");
  EXPECT_EQ(Run({"health", "--model", "absent"}).code, 1);
}

TEST_F(ClientTest, InterruptCancelsTheRequest) {
  TemporaryDirectory directory;
  ServerProcess server({"--model", "m=" + LongContextCheckpoint(directory)});
  ASSERT_TRUE(server.AwaitServing());
  ClientProcess client({"--address", server.address(), "generate", "--prompt-token-ids", "1,2",
                        "--max-tokens", "1000000", "--ignore-eos"});
  const std::string running = "firstlight_sequences{model=\"m\",state=\"running\"}";
  ASSERT_TRUE(server.WaitForMetric(running, [](double value) { return value == 1; }));
  client.Signal(SIGINT);
  EXPECT_EQ(client.WaitForExit().code, 130);
  EXPECT_TRUE(server.WaitForMetric(running, [](double value) { return value == 0; }));
}

// The client with `arguments`, talking to the admin service of `server`.
auto RunAdmin(const ServerProcess& server, const std::vector<std::string>& arguments) {
  std::vector<std::string> all = {"--admin-address", server.admin_address()};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return ClientProcess::Run(all);
}

TEST_F(ClientTest, ModelsAreLoadedSwappedAndUnloaded) {
  TemporaryDirectory directory;
  ServerProcess server({"--model-root", directory.path()});
  ASSERT_TRUE(server.AwaitServing());
  const std::string first = CopyCheckpoint(GoldenCheckpoint(), directory, "first");
  const std::string second = CopyCheckpoint(GoldenCheckpoint(), directory, "second");
  const auto run = [&](const std::vector<std::string>& arguments) {
    return RunAdmin(server, arguments);
  };
  EXPECT_THAT(run({"models", "load", "m", first}).output, HasSubstr("ACTIVE"));
  EXPECT_THAT(run({"models", "swap", "m", second}).output, HasSubstr(second));
  EXPECT_THAT(run({"models"}).output, AllOf(HasSubstr(second), Not(HasSubstr(first + "\n"))));
  EXPECT_THAT(run({"--json", "models", "get", "m"}).output,
              HasSubstr("\"state\":\"MODEL_STATE_ACTIVE\""));
  const auto broken = run({"models", "swap", "m", directory.path() + "/absent"});
  EXPECT_EQ(broken.code, 1);
  EXPECT_THAT(broken.errors, HasSubstr("NOT_FOUND"));
  EXPECT_EQ(run({"models", "unload", "m"}).code, 0);
  EXPECT_EQ(run({"models", "get", "m"}).code, 1);
}

TEST_F(ClientTest, ModelsAreRolledBackAndAliased) {
  TemporaryDirectory directory;
  ServerProcess server({"--model-root", directory.path()});
  ASSERT_TRUE(server.AwaitServing());
  const std::string first = CopyCheckpoint(GoldenCheckpoint(), directory, "first");
  const std::string second = CopyCheckpoint(GoldenCheckpoint(), directory, "second");
  const auto run = [&](const std::vector<std::string>& arguments) {
    return RunAdmin(server, arguments);
  };
  EXPECT_EQ(run({"models", "load", "m", first}).code, 0);
  EXPECT_THAT(run({"models", "rollback", "m"}).errors, HasSubstr("FAILED_PRECONDITION"));
  EXPECT_THAT(run({"models", "swap", "m", second, "--keep-previous", "--warm", "forward"}).output,
              HasSubstr("STANDBY"));
  EXPECT_THAT(run({"--json", "models", "rollback", "m"}).output,
              HasSubstr("\"version\":\"1\",\"state\":\"MODEL_STATE_ACTIVE\""));
  EXPECT_EQ(run({"models", "alias", "prod", "m", "--version", "2"}).code, 0);
  EXPECT_THAT(run({"models", "alias"}).output, ContainsRegex("prod +m +2\n"));
  EXPECT_THAT(run({"models"}).output,
              AllOf(ContainsRegex("1\\* ACTIVE .* - +/[^\n]*first\n"),
                    ContainsRegex("2 ACTIVE .* never .* prod +/[^\n]*second\n")));
  EXPECT_THAT(run({"models", "unload", "m"}).errors, HasSubstr("\"prod\""));
  EXPECT_THAT(run({"--json", "models", "alias", "prod", "--delete"}).output,
              HasSubstr("{\"alias\":{\"alias\":\"prod\",\"name\":\"m\",\"version\":\"2\"}}"));
  EXPECT_THAT(run({"models", "unload", "m", "--version", "2"}).output, HasSubstr("DRAINING"));
  EXPECT_EQ(run({"models", "alias", "prod"}).code, 2);
  EXPECT_EQ(run({"models", "alias", "prod", "m", "--delete"}).code, 2);
  EXPECT_EQ(run({"models", "swap", "m", second, "--warm", "hot"}).code, 2);
}

TEST_F(ClientTest, InspectTellsWhatOfTheGenerationConfigIsIgnored) {
  const TemporaryDirectory directory;
  const std::string path = CopyCheckpoint(GoldenCheckpoint(), directory, "m");
  directory.Write("m/generation_config.json", R"({"num_beams": 4, "suppress_tokens": [7]})");
  const auto told = ClientProcess::Run({"inspect", path});
  EXPECT_EQ(told.code, 0);
  EXPECT_THAT(told.errors, AllOf(HasSubstr("warning"), HasSubstr("num_beams, suppress_tokens")));
  directory.Write("m/generation_config.json", R"({"top_p": "x"})");
  const auto broken = ClientProcess::Run({"inspect", path});
  EXPECT_EQ(broken.code, 1);
  EXPECT_THAT(broken.errors, HasSubstr("top_p"));
}

TEST_F(ClientTest, CompileTokenizerMakesTheImageOnce) {
  const TemporaryDirectory directory;
  const auto compile = [&](const std::string& model, const std::string& cache) {
    return ClientProcess::Run({"compile-tokenizer", model, "--cache-dir", cache});
  };
  const std::string cache = directory.File("cache");
  const auto first = compile(DemoCheckpoint(), cache);
  EXPECT_EQ(first.code, 0) << first.errors;
  EXPECT_THAT(first.output, AllOf(StartsWith(cache + "/tokenizers/"), HasSubstr(".image"),
                                  HasSubstr("3072 tokens"), Not(HasSubstr("already"))));
  const auto second = compile(DemoCheckpoint(), cache);
  EXPECT_EQ(second.code, 0);
  EXPECT_THAT(second.output, HasSubstr("was there already"));
  const auto absent = compile("/absent", cache);
  EXPECT_EQ(absent.code, 1);
  EXPECT_THAT(absent.errors, HasSubstr("/absent: no such directory"));
  const auto not_writable = compile(DemoCheckpoint(), directory.Write("file", "") + "/cache");
  EXPECT_EQ(not_writable.code, 1);
  EXPECT_THAT(not_writable.errors, HasSubstr("file/cache"));
  EXPECT_EQ(compile(DemoCheckpoint(), "none").code, 2);
}

TEST_F(ClientTest, InspectNeedsNoDaemon) {
  const auto text = ClientProcess::Run({"inspect", DemoCheckpoint()});
  EXPECT_EQ(text.code, 0);
  EXPECT_THAT(text.output,
              AllOf(HasSubstr("LlamaForCausalLM"), HasSubstr("0 missing"), HasSubstr("tied")));
  const auto json = ClientProcess::Run({"--json", "inspect", DemoCheckpoint()});
  EXPECT_THAT(json.output, StartsWith("{\"slots\":["));
  const auto absent = ClientProcess::Run({"inspect", "/absent"});
  EXPECT_EQ(absent.code, 1);
  EXPECT_THAT(absent.errors, HasSubstr("/absent: no such directory"));
}

}  // namespace
}  // namespace firstlight
