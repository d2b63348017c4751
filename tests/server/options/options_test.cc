#include "server/options/options.h"

#include <map>

#include "gtest/gtest.h"
#include "tests/loader/status_matchers.h"
#include "tests/loader/temporary_directory.h"

namespace firstlight {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

absl::StatusOr<ParsedCommandLine> Parse(const std::vector<std::string>& arguments,
                                        const std::map<std::string, std::string>& variables = {}) {
  return ParseOptions(arguments, [&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

TEST(OptionsTest, DefaultsAreThePublishedOnes) {
  const auto parsed = Parse({});
  ASSERT_THAT(parsed, IsOk());
  const ServerOptions& options = parsed->options;
  EXPECT_TRUE(options.models.empty());
  EXPECT_EQ(options.listen, "127.0.0.1:50051");
  EXPECT_EQ(options.admin_listen, "127.0.0.1:50052");
  EXPECT_EQ(options.metrics_listen, "127.0.0.1:9464");
  EXPECT_EQ(options.max_sequences, 64);
  EXPECT_EQ(options.max_queue, 256);
  EXPECT_EQ(options.default_max_tokens, 256);
  EXPECT_EQ(options.drain_timeout, absl::Seconds(30));
  EXPECT_EQ(options.log_format, LogFormat::kText);
  EXPECT_FALSE(options.log_prompts);
}

TEST(OptionsTest, PrefetchIsForAllModelsUnlessOneHasItsOwn) {
  const auto parsed = Parse({"--prefetch", "background", "--pin-limit", "2GiB", "--ready", "warm",
                             "--model", "a=/x,prefetch=pinned", "--model", "b=/y,z"});
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->options.prefetch, PrefetchPolicy::kBackground);
  EXPECT_EQ(parsed->options.pin_limit_bytes, int64_t{2} << 30);
  EXPECT_TRUE(parsed->options.ready_when_warm);
  ASSERT_EQ(parsed->options.models.size(), 2u);
  EXPECT_EQ(parsed->options.models[0].directory, "/x");
  EXPECT_EQ(parsed->options.models[0].prefetch, PrefetchPolicy::kPinned);
  EXPECT_EQ(parsed->options.models[1].directory, "/y,z");
  EXPECT_EQ(parsed->options.models[1].prefetch, std::nullopt);
}

TEST(OptionsTest, FlagComesBeforeEnvironmentBeforeFileBeforeDefault) {
  const TemporaryDirectory directory;
  const std::string file =
      directory.Write("config.toml", "max-queue = 1\nmax-sequences = 2\ndefault-max-tokens = 3\n");
  const std::map<std::string, std::string> variables = {{"FIRSTLIGHT_MAX_QUEUE", "10"},
                                                        {"FIRSTLIGHT_MAX_SEQUENCES", "20"}};
  const auto parsed = Parse({"--config", file, "--max-queue", "100"}, variables);
  ASSERT_THAT(parsed, IsOk());
  EXPECT_EQ(parsed->options.max_queue, 100);
  EXPECT_EQ(parsed->options.max_sequences, 20);
  EXPECT_EQ(parsed->options.default_max_tokens, 3);
  EXPECT_EQ(parsed->options.drain_timeout, absl::Seconds(30));
}

TEST(OptionsTest, ConfigFileMayBeNamedInTheEnvironment) {
  const TemporaryDirectory directory;
  const std::string file = directory.Write("config.toml", "listen = \"unix:/tmp/x.sock\"\n");
  const auto parsed = Parse({}, {{"FIRSTLIGHT_CONFIG", file}});
  ASSERT_THAT(parsed, IsOk());
  EXPECT_EQ(parsed->options.listen, "unix:/tmp/x.sock");
}

TEST(OptionsTest, RepeatableOptionsFromEachSource) {
  const TemporaryDirectory directory;
  const std::string file =
      directory.Write("config.toml", "model = [\"a=/models/a\", \"b=/models/b\"]\n");
  const auto from_file = Parse({"--config", file});
  ASSERT_THAT(from_file, IsOk());
  ASSERT_EQ(from_file->options.models.size(), 2u);
  EXPECT_EQ(from_file->options.models[1].name, "b");
  EXPECT_EQ(from_file->options.models[1].directory, "/models/b");
  const auto from_environment = Parse({}, {{"FIRSTLIGHT_MODEL", "a=/x;b=/y;c=/z"}});
  ASSERT_THAT(from_environment, IsOk());
  EXPECT_EQ(from_environment->options.models.size(), 3u);
  // A source that names the option decides it whole.
  const auto from_flag = Parse({"--config", file, "--model", "c=/models/c"});
  ASSERT_THAT(from_flag, IsOk());
  ASSERT_EQ(from_flag->options.models.size(), 1u);
  EXPECT_EQ(from_flag->options.models[0].name, "c");
}

TEST(OptionsTest, ValuesWithUnits) {
  const auto parsed =
      Parse({"--kv-cache-bytes", "8GiB", "--drain-timeout", "1m30s", "--idle-park", "2h"});
  ASSERT_THAT(parsed, IsOk());
  EXPECT_EQ(parsed->options.kv_cache_bytes, int64_t{8} << 30);
  EXPECT_EQ(parsed->options.drain_timeout, absl::Seconds(90));
  EXPECT_EQ(parsed->options.idle_park, absl::Hours(2));
  EXPECT_EQ(Parse({"--kv-cache-bytes", "1.5MB"})->options.kv_cache_bytes, 1500000);
}

TEST(OptionsTest, SwitchesAndChoices) {
  const auto parsed = Parse({"--log-prompts", "--check-config", "--log-format", "json",
                             "--log-level", "debug", "--isa", "avx2"});
  ASSERT_THAT(parsed, IsOk());
  EXPECT_TRUE(parsed->options.log_prompts);
  EXPECT_TRUE(parsed->options.check_config);
  EXPECT_EQ(parsed->options.log_format, LogFormat::kJson);
  EXPECT_EQ(parsed->options.log_level, LogLevel::kDebug);
  EXPECT_EQ(parsed->options.isa, "avx2");
  EXPECT_TRUE(Parse({}, {{"FIRSTLIGHT_LOG_PROMPTS", "1"}})->options.log_prompts);
  EXPECT_FALSE(Parse({}, {{"FIRSTLIGHT_LOG_PROMPTS", "false"}})->options.log_prompts);
}

TEST(OptionsTest, HelpNamesEveryOptionAndStops) {
  const auto parsed = Parse({"--help", "--max-queue", "3"});
  ASSERT_THAT(parsed, IsOk());
  ASSERT_TRUE(parsed->print_and_exit.has_value());
  for (const char* text : {"--model NAME=DIR", "--kv-cache-bytes SIZE", "--config FILE",
                           "exit codes", "default: 127.0.0.1:50051", "usage: firstlightd"}) {
    EXPECT_THAT(*parsed->print_and_exit, HasSubstr(text));
  }
}

struct BadCase {
  std::vector<std::string> arguments;
  std::vector<std::string> message;
};

TEST(OptionsTest, EachBadValueIsNamedWithItsSourceExpectedAndFound) {
  const std::vector<BadCase> cases = {
      {{"--max-queue", "many"}, {"--max-queue", "whole number", "\"many\""}},
      {{"--max-queue", "0"}, {"--max-queue", "from 1", "\"0\""}},
      {{"--max-sequences", "99999999999999999999"}, {"--max-sequences", "whole number"}},
      {{"--kv-cache-bytes", "8 bananas"}, {"--kv-cache-bytes", "8GiB", "bananas"}},
      {{"--kv-cache-bytes", "0"}, {"--kv-cache-bytes", "at least 1 byte"}},
      {{"--kv-cache-bytes", "1e30"}, {"--kv-cache-bytes"}},
      {{"--drain-timeout", "30"}, {"--drain-timeout", "30s", "\"30\""}},
      {{"--idle-park", "0s"}, {"--idle-park", "never", "\"0s\""}},
      {{"--drain-timeout", "-1s"}, {"--drain-timeout", "from 0"}},
      {{"--listen", "50051"}, {"--listen", "HOST:PORT", "\"50051\""}},
      {{"--listen", "localhost:70000"}, {"--listen", "65535"}},
      {{"--metrics-listen", "unix:/x"}, {"--metrics-listen", "HOST:PORT"}},
      {{"--isa", "sse"}, {"--isa", "auto, avx2, avx512", "\"sse\""}},
      {{"--precision", "fast"}, {"--precision", "exact", "\"fast\""}},
      {{"--log-level", "loud"}, {"--log-level", "debug, info", "\"loud\""}},
      {{"--model", "nodir"}, {"--model", "NAME=DIR", "\"nodir\""}},
      {{"--model", "=/x"}, {"--model", "model name"}},
      {{"--model", "a="}, {"--model", "NAME=DIR"}},
      {{"--model", "a b=/x"}, {"--model", "model name", "a b"}},
      {{"--model", "grpc.x=/x"}, {"--model", "service"}},
      {{"--model", "a=/x,size=3"}, {"--model", "prefetch=POLICY", "size=3"}},
      {{"--model", "a=/x,prefetch=soon"}, {"--model", "on_request, background", "\"soon\""}},
      {{"--model", "a=,prefetch=none"}, {"--model", "NAME=DIR"}},
      {{"--prefetch", "soon"}, {"--prefetch", "on_request, background", "\"soon\""}},
      {{"--pin-limit", "all"}, {"--pin-limit", "8GiB", "\"all\""}},
      {{"--ready", "hot"}, {"--ready", "mapped, warm", "\"hot\""}},
      {{"--model", "a=/x", "--model", "a=/y"}, {"--model", "\"a\"", "/x", "/y"}},
      {{"--max-queue", "1", "--max-queue", "2"}, {"max-queue"}},
      {{"--no-such-option"}, {"--no-such-option"}},
      {{"stray"}, {"stray"}},
      {{"--config", "/no/such/file"}, {"/no/such/file", "cannot be read"}},
  };
  for (const BadCase& bad : cases) {
    const auto parsed = Parse(bad.arguments);
    ASSERT_FALSE(parsed.ok()) << bad.arguments.back();
    for (const std::string& text : bad.message) {
      EXPECT_THAT(std::string(parsed.status().message()), HasSubstr(text));
    }
  }
}

TEST(OptionsTest, BadValuesInEnvironmentAndFileNameTheirSource) {
  EXPECT_THAT(Parse({}, {{"FIRSTLIGHT_MAX_QUEUE", "x"}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("FIRSTLIGHT_MAX_QUEUE: ")));
  const TemporaryDirectory directory;
  EXPECT_THAT(Parse({"--config", directory.Write("a.toml", "max-queue = \"x\"\n")}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("a.toml"), HasSubstr("max-queue"))));
  EXPECT_THAT(Parse({"--config", directory.Write("b.toml", "max-quue = 3\n")}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("max-quue")));
}

}  // namespace
}  // namespace firstlight
