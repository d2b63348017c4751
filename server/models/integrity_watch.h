#ifndef FIRSTLIGHT_SERVER_MODELS_INTEGRITY_WATCH_H_
#define FIRSTLIGHT_SERVER_MODELS_INTEGRITY_WATCH_H_

// Looks at the files of every model that lives, now and then and when the engine has found damage:
// a damaged model fails; one whose files were renamed over, deleted or unmounted serves on from its
// mapping, which is logged when it is first seen.
//
// The looking happens on a thread of its own, since a file system that does not answer blocks it.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "loader/base/mutex.h"
#include "server/base/log.h"
#include "server/models/served_model.h"

namespace firstlight {

class IntegrityWatch {
 public:
  struct Options {
    std::function<std::vector<std::shared_ptr<ServedModel>>()> models;
    // Called on the watch's thread, once for each damaged version.
    std::function<void(const ServedModel& model, const absl::Status& status)> fail;
    const Log* log = nullptr;  // outlives the watch
    absl::Duration interval = absl::Seconds(2);
  };

  IntegrityWatch() = default;
  ~IntegrityWatch();
  IntegrityWatch(const IntegrityWatch&) = delete;
  IntegrityWatch& operator=(const IntegrityWatch&) = delete;

  // Starts the thread; once.
  void Start(Options options);
  // Joins it. Nothing of the options is used afterwards.
  void Stop();

  // Looks without waiting for the interval to pass. Any thread, before Start and after Stop too;
  // does not block.
  void LookNow();

 private:
  void Run();
  void Look();

  Options options_;
  Mutex mutex_;
  CondVar changed_;
  bool look_now_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;

  // Of the watch's thread. What has been told of each version that lives.
  struct Told {
    bool damaged = false;
    std::string detached;
  };
  std::map<std::pair<std::string, int64_t>, Told> told_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_MODELS_INTEGRITY_WATCH_H_
