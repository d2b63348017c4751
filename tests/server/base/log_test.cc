#include "server/base/log.h"

#include <unistd.h>

#include <limits>

#include "gtest/gtest.h"

namespace firstlight {
namespace {

constexpr absl::Time kTime = absl::UnixEpoch();

TEST(LogTest, TextIsOneReadableLine) {
  EXPECT_EQ(FormatLogLine(LogFormat::kText, kTime, LogLevel::kInfo, "request",
                          {{"method", "Generate"},
                           {"tokens", 12},
                           {"total", absl::Milliseconds(1500)},
                           {"cold", true}}),
            "1970-01-01T00:00:00.000000Z info request method=Generate tokens=12 total=1.5 "
            "cold=true\n");
}

TEST(LogTest, JsonIsOneObject) {
  EXPECT_EQ(FormatLogLine(LogFormat::kJson, kTime, LogLevel::kWarning, "model",
                          {{"name", "tiny"}, {"version", 3}, {"load", 0.25}, {"ok", false}}),
            "{\"time\":\"1970-01-01T00:00:00.000000Z\",\"level\":\"warning\",\"event\":\"model\","
            "\"name\":\"tiny\",\"version\":3,\"load\":0.25,\"ok\":false}\n");
}

TEST(LogTest, ValuesCannotForgeLinesOrFields) {
  const std::string hostile = "a\n2026 error forged=\"yes\"\\\t\x01\x7f";
  EXPECT_EQ(FormatLogLine(LogFormat::kText, kTime, LogLevel::kInfo, "e", {{"v", hostile}}),
            "1970-01-01T00:00:00.000000Z info e "
            "v=\"a\\n2026 error forged=\\\"yes\\\"\\\\\\t\\u0001\\u007f\"\n");
  EXPECT_EQ(FormatLogLine(LogFormat::kText, kTime, LogLevel::kInfo, "e", {{"v", "a b=c"}}),
            "1970-01-01T00:00:00.000000Z info e v=\"a b=c\"\n");
}

TEST(LogTest, WhatIsNotUtf8BecomesReplacementCharacters) {
  EXPECT_EQ(FormatLogLine(LogFormat::kText, kTime, LogLevel::kInfo, "e",
                          {{"v", std::string("\xc3\xa9\xff\xed\xa0\x80!")}}),
            "1970-01-01T00:00:00.000000Z info e "
            "v=\"\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd!\"\n");
}

TEST(LogTest, JsonHasNoNakedInfinity) {
  EXPECT_EQ(FormatLogLine(LogFormat::kJson, kTime, LogLevel::kInfo, "e",
                          {{"v", std::numeric_limits<double>::infinity()}}),
            "{\"time\":\"1970-01-01T00:00:00.000000Z\",\"level\":\"info\",\"event\":\"e\","
            "\"v\":\"inf\"}\n");
}

TEST(LogTest, LevelsBelowTheLeastAreNotWritten) {
  int fds[2];
  ASSERT_EQ(pipe(fds), 0);
  const Log log(LogLevel::kWarning, LogFormat::kText, fds[1]);
  log.Info("quiet", {});
  log.Error("loud", {});
  close(fds[1]);
  char buffer[256] = {};
  const ssize_t count = read(fds[0], buffer, sizeof(buffer));
  close(fds[0]);
  ASSERT_GT(count, 0);
  const std::string text(buffer, static_cast<size_t>(count));
  EXPECT_EQ(text.find("quiet"), std::string::npos);
  EXPECT_NE(text.find(" error loud\n"), std::string::npos);
}

}  // namespace
}  // namespace firstlight
