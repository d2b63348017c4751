#ifndef FIRSTLIGHT_SERVER_PROCESS_PROCESS_SETUP_H_
#define FIRSTLIGHT_SERVER_PROCESS_PROCESS_SETUP_H_

// What is set once for the whole process, before it has a second thread.

#include <csignal>

#include "server/base/log.h"

namespace firstlight {

// Blocks SIGTERM, SIGINT and, unless it is ignored, SIGHUP in this thread and in those that it
// starts, and returns them for sigwait(); ignores SIGPIPE (a client that hangs up is no reason to
// die); sends gRPC's own messages to `log`, which lives as long as the process.
sigset_t SetUpProcess(const Log& log);

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_PROCESS_PROCESS_SETUP_H_
