#ifndef FIRSTLIGHT_TESTS_SERVER_MODELS_MODEL_CATALOG_HARNESS_H_
#define FIRSTLIGHT_TESTS_SERVER_MODELS_MODEL_CATALOG_HARNESS_H_

// A catalog of models that compute nothing.

#include <memory>
#include <optional>
#include <string>

#include "gtest/gtest.h"
#include "server/models/model_catalog.h"
#include "tests/loader/status_matchers.h"
#include "tests/server/models/fake_models.h"

namespace firstlight {

class ModelCatalogTest : public ::testing::Test {
 protected:
  static constexpr auto kAdmin = ModelCatalog::Origin::kAdmin;
  static constexpr auto kCommandLine = ModelCatalog::Origin::kCommandLine;

  std::shared_ptr<ServedModel> Serve(const std::string& name, int64_t version) {
    auto model = std::make_shared<ServedModel>();
    model->name = name;
    model->version = version;
    model->loaded = *models_.Loader()("dir");
    return model;
  }
  // Loads `name` as the admin does and returns its version.
  int64_t Load(const std::string& name) {
    const auto started = catalog_.BeginLoad(name, "dir", kAdmin);
    EXPECT_THAT(started, IsOk());
    Finish(name, started->version);
    return started->version;
  }
  // Swaps `name` as the admin does and returns its version.
  int64_t Swap(const std::string& name, bool keep_previous = false,
               absl::Time drain_deadline = absl::InfiniteFuture()) {
    const auto started = catalog_.BeginSwap(name, "dir");
    EXPECT_THAT(started, IsOk());
    Finish(name, started->version, {drain_deadline, keep_previous});
    return started->version;
  }
  // The load of `version` is done. What it lets go of stays alive, as with a request on it.
  ModelCatalog::Switched Finish(const std::string& name, int64_t version,
                                const ModelCatalog::Handover& handover = {}) {
    auto switched = catalog_.FinishLoad(Serve(name, version), absl::Seconds(1), handover);
    EXPECT_THAT(switched, IsOk());
    if (!switched.ok()) return {};
    for (const auto& dropped : switched->dropped) in_use_.push_back(dropped);
    return *std::move(switched);
  }
  int64_t Current(const std::string& name) {
    const auto resolution = catalog_.Resolve(name);
    EXPECT_THAT(resolution, IsOk());
    return resolution.ok() && resolution->model != nullptr ? resolution->model->version : 0;
  }
  absl::Status SetAlias(const std::string& alias, const std::string& name,
                        std::optional<int64_t> version = std::nullopt) {
    auto aliased = catalog_.SetAlias({alias, name, version}, absl::InfiniteFuture());
    if (aliased.ok()) {
      for (const auto& dropped : aliased->dropped) in_use_.push_back(dropped);
    }
    return aliased.status();
  }
  // "1 DRAINING, 2 ACTIVE" of a name.
  std::string States(const std::string& name) {
    std::string states;
    for (const ModelSnapshot& model : catalog_.List()) {
      if (model.name != name) continue;
      states += (states.empty() ? "" : ", ") + std::to_string(model.version) + " " +
                std::string(ModelStateName(model.state));
    }
    return states;
  }
  ModelState StateOf(const std::string& name, int64_t version) {
    const auto snapshot = catalog_.Get(name, version);
    EXPECT_THAT(snapshot, IsOk());
    return snapshot.ok() ? snapshot->state : ModelState::kFailed;
  }

  FakeModels models_;
  ModelCatalog catalog_;
  ModelCatalog::Dropped in_use_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_TESTS_SERVER_MODELS_MODEL_CATALOG_HARNESS_H_
