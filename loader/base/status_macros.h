#ifndef FIRSTLIGHT_LOADER_BASE_STATUS_MACROS_H_
#define FIRSTLIGHT_LOADER_BASE_STATUS_MACROS_H_

// Passing an absl::Status up without spelling the test each time.

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define FIRSTLIGHT_CONCAT_INNER_(a, b) a##b
#define FIRSTLIGHT_CONCAT_(a, b) FIRSTLIGHT_CONCAT_INNER_(a, b)

// Returns from the calling function when `expression`, a Status, is not OK.
#define FIRSTLIGHT_RETURN_IF_ERROR(expression)                \
  do {                                                        \
    if (absl::Status status_ = (expression); !status_.ok()) { \
      return status_;                                         \
    }                                                         \
  } while (false)

// NOLINTBEGIN(bugprone-macro-parentheses): `target` may be a declaration.

// Assigns the value of `expression`, a StatusOr, to `target`, or returns its status.
#define FIRSTLIGHT_ASSIGN_OR_RETURN(target, expression) \
  FIRSTLIGHT_ASSIGN_OR_RETURN_IMPL_(FIRSTLIGHT_CONCAT_(status_or_, __LINE__), target, expression)

#define FIRSTLIGHT_ASSIGN_OR_RETURN_IMPL_(status_or, target, expression) \
  auto status_or = (expression);                                         \
  if (!status_or.ok()) {                                                 \
    return std::move(status_or).status();                                \
  }                                                                      \
  target = *std::move(status_or)

// NOLINTEND(bugprone-macro-parentheses)

#endif  // FIRSTLIGHT_LOADER_BASE_STATUS_MACROS_H_
