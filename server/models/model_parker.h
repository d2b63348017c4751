#ifndef FIRSTLIGHT_SERVER_MODELS_MODEL_PARKER_H_
#define FIRSTLIGHT_SERVER_MODELS_MODEL_PARKER_H_

// Parks models that nobody uses, as park_policy.h decides: looks at them every kInterval on a
// thread of its own, which also gives the pages back.

#include <functional>
#include <thread>

#include "absl/time/time.h"
#include "loader/base/mutex.h"
#include "server/base/log.h"
#include "server/models/model_registry.h"

namespace firstlight {

class ModelParker {
 public:
  // How often memory is looked at.
  static constexpr absl::Duration kInterval = absl::Seconds(1);

  struct Options {
    ModelRegistry* registry = nullptr;                    // outlives the parker
    const Log* log = nullptr;                             // the same
    absl::Duration idle_park = absl::InfiniteDuration();  // after which an idle model is parked
    std::function<bool()> memory_is_short;                // asked at each look; must not block
  };

  // Without a thread: see Start().
  explicit ModelParker(Options options);
  // Waits for the look under way.
  ~ModelParker();

  // Looks now and then from now on. Once.
  void Start();

  // One look, as if it were `now`: parks what is due. Not while the thread runs.
  void Look(absl::Time now);

 private:
  void Run();

  const Options options_;
  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_MODELS_MODEL_PARKER_H_
