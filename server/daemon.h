#ifndef FIRSTLIGHT_SERVER_DAEMON_H_
#define FIRSTLIGHT_SERVER_DAEMON_H_

// firstlightd put together: the engine, the models, the two gRPC servers and the HTTP one.
//
// Start() binds every listener, then maps the models, then serves. Drain() stops it in order:
// NOT_SERVING, a moment for load balancers, refusals, an end for the streams, exit.

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/log.h"
#include "server/options/options.h"

namespace firstlight {

class Daemon {
 public:
  // Reads the machine (memory, model roots) and starts the engine's threads. `log` outlives the
  // daemon. Errors: bad roots, an instruction set that the machine lacks.
  static absl::StatusOr<std::unique_ptr<Daemon>> Create(const ServerOptions& options,
                                                        const Log* log);
  ~Daemon();

  // Serves when it returns OK, and has said so in the log. Calls `on_mapped` once every model is
  // mapped, before anybody is told that it serves. UNAVAILABLE when an address cannot be
  // listened on, FAILED_PRECONDITION when there are models and none of them could be loaded.
  absl::Status Start(const std::function<void()>& on_mapped);

  // For --check-config: loads every model, its tokenizer too, and listens nowhere. The code of the
  // first error, and the messages of all.
  absl::Status CheckModels();

  // Blocks until every call has ended or was ended. Once, after Start().
  void Drain();

 private:
  class Impl;
  explicit Daemon(std::unique_ptr<Impl> impl);

  const std::unique_ptr<Impl> impl_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_DAEMON_H_
