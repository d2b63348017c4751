#ifndef FIRSTLIGHT_TESTS_LOADER_STATUS_MATCHERS_H_
#define FIRSTLIGHT_TESTS_LOADER_STATUS_MATCHERS_H_

// EXPECT_THAT(status, IsOk()); EXPECT_THAT(status_or, StatusIs(code, HasSubstr("...")));

#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"

namespace firstlight {

inline absl::Status StatusOf(const absl::Status& status) { return status; }
template <typename T>
absl::Status StatusOf(const absl::StatusOr<T>& status_or) {
  return status_or.status();
}

MATCHER(IsOk, "is OK") {
  *result_listener << "which is " << StatusOf(arg).ToString();
  return StatusOf(arg).ok();
}

MATCHER_P2(StatusIs, code, message, "") {
  const absl::Status status = StatusOf(arg);
  *result_listener << "which is " << status.ToString();
  return status.code() == code &&
         ::testing::ExplainMatchResult(message, std::string(status.message()), result_listener);
}

}  // namespace firstlight

#endif  // FIRSTLIGHT_TESTS_LOADER_STATUS_MATCHERS_H_
