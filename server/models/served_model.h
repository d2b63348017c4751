#ifndef FIRSTLIGHT_SERVER_MODELS_SERVED_MODEL_H_
#define FIRSTLIGHT_SERVER_MODELS_SERVED_MODEL_H_

// What the registry knows of a model: enough to name it, count it, warm and park it and let it go,
// and nothing of how it computes. Tests hand in models of their own.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "server/base/cancellation.h"

namespace firstlight {

class Model;

// What a loaded checkpoint turned out to be.
struct ModelFacts {
  std::string architecture;
  int64_t context_length = 0;  // tokens
  int64_t assigned_bytes = 0;
  int64_t copied_bytes = 0;
  int64_t tied_bytes = 0;
  // Of its generation_config.json: see GenerationConfig::ignored_fields.
  std::vector<std::string> ignored_generation_fields{};
};

// What to fetch into memory: nothing; every weight; every weight and the buffers of a forward pass,
// by computing one token.
enum class WarmMode { kNone, kPopulate, kForward };

enum class ResidencyState { kCold, kPartial, kResident };

// How much of a model's assigned weights is in memory, from a sample of their pages. At least one
// of the two is known.
struct WeightResidency {
  int64_t weight_bytes = 0;               // all of them
  std::optional<int64_t> mapped_bytes;    // in the page tables
  std::optional<int64_t> resident_bytes;  // in the page cache

  // COLD below 1% of the weights, RESIDENT from 99% on.
  ResidencyState state() const {
    const int64_t present = resident_bytes.has_value() ? *resident_bytes : mapped_bytes.value_or(0);
    if (present >= weight_bytes - weight_bytes / 100) return ResidencyState::kResident;
    return present < weight_bytes / 100 ? ResidencyState::kCold : ResidencyState::kPartial;
  }
};

// One loaded checkpoint. Thread-safe. Destruction unmaps: see ServedModel.
class LoadedModel {
 public:
  virtual ~LoadedModel() = default;

  // Blocks for as long as a tokenizer takes to build; OK where the checkpoint has none.
  virtual absl::Status BuildTokenizer() = 0;
  virtual ModelFacts Facts() const = 0;

  // Blocks until the weights are fetched, or returns the status of `cancellation` soon after that
  // is cancelled. `self` keeps this model alive for as long as anything still uses it.
  virtual absl::Status Warm(WarmMode mode, std::shared_ptr<void> self,
                            const Cancellation& cancellation) = 0;
  // The model has become ACTIVE: what its prefetch policy wants to happen by itself begins. Does
  // not block. `self` as for Warm.
  virtual void Serves(std::shared_ptr<void> /*self*/) {}
  // What its weights are mapped from, for comparing: models that have one in common share its
  // pages, whatever their directories are called.
  virtual std::vector<const void*> Mappings() const { return {}; }
  // Its policy is to be in memory always: nobody parks it but who asks for that.
  virtual bool StaysInMemory() const { return false; }
  // Gives the pages back to the system; blocks for that. Requests under way read them again.
  // `self` as of Warm.
  virtual void Park(std::shared_ptr<void> self) = 0;
  // Takes a sample: some milliseconds. Nothing where nothing truthful can be said.
  virtual std::optional<WeightResidency> Residency() const = 0;

  // ModelIntegrity's LookForDamage and LookForDetached, which may block on the file system, and
  // detached.
  virtual absl::Status CheckIntegrity() { return absl::OkStatus(); }
  virtual std::string LookForDetached() { return ""; }
  virtual std::string Detached() const { return ""; }

  // The engine's view of it; nullptr for the models of tests.
  virtual Model* engine_model() = 0;
};

// Maps and binds a checkpoint: some milliseconds. Thread-safe.
using ModelLoader =
    std::function<absl::StatusOr<std::unique_ptr<LoadedModel>>(const std::string& directory)>;

// One version of a name, from the moment that it can serve. Shared by the registry and by the
// requests on it. Whoever drops the last reference hands it to the registry's housekeeping thread,
// which destroys it: never a request thread, never the engine's.
struct ServedModel {
  std::string name;
  int64_t version = 0;
  std::unique_ptr<LoadedModel> loaded;
  std::atomic<int64_t> requests_in_flight = 0;
  // Nanoseconds since 1970; 0: no request has used it.
  std::atomic<int64_t> last_used = 0;
  // The same, of its load or of the last time that it was warmed.
  std::atomic<int64_t> awake_since = absl::GetCurrentTimeNanos();
  // WarmModel calls under way.
  std::atomic<int64_t> warms_in_flight = 0;
  // Its pages were given back and nobody has wanted them since.
  std::atomic<bool> parked = false;

  // When a request last began or ended.
  std::optional<absl::Time> last_use() const {
    const int64_t nanoseconds = last_used.load(std::memory_order_relaxed);
    if (nanoseconds == 0) return std::nullopt;
    return absl::FromUnixNanos(nanoseconds);
  }
};

// Keeps a request on its version and counts it there. Movable; thread-compatible.
class ModelPin {
 public:
  ModelPin() = default;
  explicit ModelPin(std::shared_ptr<ServedModel> model) : model_(std::move(model)) {
    if (model_ == nullptr) return;
    model_->requests_in_flight.fetch_add(1, std::memory_order_relaxed);
    model_->last_used.store(absl::GetCurrentTimeNanos(), std::memory_order_relaxed);
    model_->parked.store(false, std::memory_order_relaxed);
  }
  ModelPin(ModelPin&& other) noexcept : model_(std::move(other.model_)) {}
  ModelPin& operator=(ModelPin&& other) noexcept {
    std::swap(model_, other.model_);
    return *this;
  }
  ~ModelPin() {
    if (model_ == nullptr) return;
    model_->last_used.store(absl::GetCurrentTimeNanos(), std::memory_order_relaxed);
    model_->requests_in_flight.fetch_sub(1, std::memory_order_relaxed);
  }

  explicit operator bool() const { return model_ != nullptr; }
  const ServedModel& operator*() const { return *model_; }
  const ServedModel* operator->() const { return model_.get(); }

  // The engine's model, keeping this version alive as long as it is held. REQUIRES: not empty.
  std::shared_ptr<Model> engine_model() const {
    return std::shared_ptr<Model>(model_, model_->loaded->engine_model());
  }

 private:
  std::shared_ptr<ServedModel> model_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_MODELS_SERVED_MODEL_H_
