#include "server/engine_models.h"

#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "engine/model.h"
#include "loader/base/status_macros.h"
#include "server/engine_warming.h"

namespace firstlight {
namespace {

class EngineLoadedModel final : public LoadedModel {
 public:
  EngineLoadedModel(Engine* engine, std::unique_ptr<Model> model)
      : engine_(engine), model_(std::move(model)) {}

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
  absl::Status CheckIntegrity() override { return model_->integrity()->Check(); }
  std::string LookForDetached() override { return model_->integrity()->LookForDetached(); }
  std::string Detached() const override { return model_->integrity()->detached(); }

  Model* engine_model() override { return model_.get(); }

 private:
  Engine* const engine_;
  const std::unique_ptr<Model> model_;
};

}  // namespace

ModelLoader MakeEngineLoader(Engine* engine, std::optional<int64_t> context_length) {
  return [=](const std::string& directory) -> absl::StatusOr<std::unique_ptr<LoadedModel>> {
    FIRSTLIGHT_ASSIGN_OR_RETURN(
        std::unique_ptr<Model> model,
        engine->LoadModel(directory, context_length, PrefetchPolicy::kOnRequest));
    return std::make_unique<EngineLoadedModel>(engine, std::move(model));
  };
}

}  // namespace firstlight
