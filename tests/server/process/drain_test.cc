#include "server/process/drain.h"

#include <unistd.h>

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace firstlight {
namespace {

std::vector<std::string> Drained(bool idle_in_time) {
  static const Log log(LogLevel::kError, LogFormat::kText, STDERR_FILENO);
  std::vector<std::string> done;
  RunDrain(
      {.delay = absl::Seconds(1), .timeout = absl::Seconds(30)},
      {.set_not_serving = [&] { done.push_back("not serving"); },
       .refuse_new_calls = [&] { done.push_back("refuse"); },
       .await_idle =
           [&](absl::Duration timeout) {
             done.push_back("wait " + absl::FormatDuration(timeout));
             return idle_in_time;
           },
       .end_streams = [&] { done.push_back("end streams"); },
       .end_watches = [&] { done.push_back("end watches"); },
       .close_listeners = [&](absl::Duration) { done.push_back("close"); },
       .calls = [] { return 1; },
       .log = &log,
       .pause =
           [&](absl::Duration delay) { done.push_back("pause " + absl::FormatDuration(delay)); }});
  return done;
}

TEST(DrainTest, StreamsThatEndInTimeAreLeftAlone) {
  EXPECT_EQ(Drained(true), (std::vector<std::string>{"not serving", "pause 1s", "refuse",
                                                     "wait 30s", "end watches", "close"}));
}

TEST(DrainTest, StragglersAreEndedAndMayStillSaySo) {
  EXPECT_EQ(Drained(false),
            (std::vector<std::string>{"not serving", "pause 1s", "refuse", "wait 30s",
                                      "end streams", "wait 2s", "end watches", "close"}));
}

}  // namespace
}  // namespace firstlight
