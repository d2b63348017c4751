#include "server/models/engine_models.h"

#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "engine/model.h"
#include "loader/base/status_macros.h"
#include "server/models/engine_warming.h"

namespace firstlight {
namespace {

class EngineLoadedModel final : public LoadedModel {
 public:
  EngineLoadedModel(Engine* engine, std::shared_ptr<const EngineLoaderOptions> options,
                    std::unique_ptr<Model> model)
      : engine_(engine), options_(std::move(options)), model_(std::move(model)) {}

  absl::Status BuildTokenizer() override { return model_->BuildTokenizer(); }

  ModelFacts Facts() const override {
    const LoadReport::Totals totals = model_->load_report().ComputeTotals();
    ModelFacts facts;
    facts.architecture = model_->architecture();
    facts.context_length = model_->context_length();
    facts.assigned_bytes = totals.assigned_bytes;
    facts.copied_bytes = totals.copied_bytes;
    facts.tied_bytes = totals.tied_bytes;
    facts.ignored_generation_fields = model_->generation_config().ignored_fields;
    return facts;
  }

  absl::Status Warm(WarmMode mode, std::shared_ptr<void> self,
                    const Cancellation& cancellation) override {
    if (mode == WarmMode::kNone) return absl::OkStatus();
    const std::shared_ptr<Model> model(std::move(self), model_.get());
    FIRSTLIGHT_RETURN_IF_ERROR(PopulateWeights(engine_, model, cancellation));
    if (mode == WarmMode::kPopulate) return absl::OkStatus();
    return ComputeOneToken(engine_, model, cancellation);
  }
  void Serves(std::shared_ptr<void> self) override {
    const PrefetchPolicy policy = model_->residency()->policy();
    if (policy != PrefetchPolicy::kBackground && policy != PrefetchPolicy::kPinned) return;
    // The model may go while this is under way, which ends it.
    std::shared_ptr<Model> model(std::move(self), model_.get());
    const auto failed = [options = options_,
                         directory = model->directory()](const absl::Status& status) {
      if (status.ok() || absl::IsCancelled(status)) return;
      if (options->on_policy_failed) options->on_policy_failed(directory, status);
    };
    const std::weak_ptr<Model> weak = model;
    engine_->Populate(
        std::move(model), {.background = policy == PrefetchPolicy::kBackground},
        [engine = engine_, weak, failed, policy](const absl::Status& status) {
          const std::shared_ptr<Model> populated = weak.lock();
          if (!status.ok() || policy != PrefetchPolicy::kPinned || populated == nullptr) {
            failed(status);
            return;
          }
          engine->Pin(populated, failed);
        });
  }

  std::vector<const void*> Mappings() const override {
    std::vector<const void*> mappings;
    for (const auto& file : model_->checkpoint().files()) mappings.push_back(file.get());
    return mappings;
  }
  bool StaysInMemory() const override {
    return model_->residency()->policy() == PrefetchPolicy::kPinned;
  }
  void Park(std::shared_ptr<void> self) override {
    ParkWeights(engine_, std::shared_ptr<Model>(std::move(self), model_.get()));
  }
  std::optional<WeightResidency> Residency() const override {
    const WeightShares shares = engine_->SampleResidency(*model_);
    if (!shares.mapped.has_value() && !shares.resident.has_value()) return std::nullopt;
    WeightResidency residency;
    residency.weight_bytes = model_->load_report().ComputeTotals().assigned_bytes;
    const auto bytes = [&](std::optional<double> share) -> std::optional<int64_t> {
      if (!share.has_value()) return std::nullopt;
      return std::llround(*share * static_cast<double>(residency.weight_bytes));
    };
    residency.mapped_bytes = bytes(shares.mapped);
    residency.resident_bytes = bytes(shares.resident);
    return residency;
  }
  absl::Status CheckIntegrity() override { return model_->integrity()->LookForDamage(); }
  std::string LookForDetached() override { return model_->integrity()->LookForDetached(); }
  std::string Detached() const override { return model_->integrity()->detached(); }

  Model* engine_model() override { return model_.get(); }

 private:
  Engine* const engine_;
  const std::shared_ptr<const EngineLoaderOptions> options_;
  const std::unique_ptr<Model> model_;
};

}  // namespace

ModelLoader MakeEngineLoader(Engine* engine, EngineLoaderOptions loader_options) {
  const auto options = std::make_shared<const EngineLoaderOptions>(std::move(loader_options));
  return [=](const std::string& directory) -> absl::StatusOr<std::unique_ptr<LoadedModel>> {
    const auto own = options->prefetch_of_directory.find(directory);
    const PrefetchPolicy prefetch =
        own != options->prefetch_of_directory.end() ? own->second : options->prefetch;
    FIRSTLIGHT_ASSIGN_OR_RETURN(std::unique_ptr<Model> model,
                                engine->LoadModel(directory, options->context_length, prefetch));
    return std::make_unique<EngineLoadedModel>(engine, options, std::move(model));
  };
}

}  // namespace firstlight
