#include "tests/engine/scheduling/scheduler_harness.h"

#include "gtest/gtest.h"

namespace firstlight {

SchedulerHarness::SchedulerHarness(const Options& options)
    : pool_(options.kv_cache_bytes), workers_(2) {
  kernels_ = *SelectKernels(Isa::kAuto);
  Scheduler::Options scheduler_options;
  scheduler_options.max_sequences = options.max_sequences;
  scheduler_options.step_tokens = options.step_tokens;
  scheduler_options.clock = &clock_;
  scheduler_options.gate = options.gate;
  scheduler_options.block_pool = &pool_;
  scheduler_options.workers = &workers_;
  scheduler_options.exp = kernels_->exp;
  scheduler_options.on_ended = [this](const Request&, int64_t sequences) {
    ended_sequences_ += sequences;
  };
  scheduler_ = std::make_unique<Scheduler>(std::move(scheduler_options));
}

SchedulerHarness::~SchedulerHarness() {
  scheduler_->EndAll(absl::CancelledError("the test is over"));
  EXPECT_EQ(pool_.used_bytes(), 0);
}

std::shared_ptr<Model> SchedulerHarness::Load(const Golden& golden,
                                              std::optional<int64_t> context_length,
                                              int64_t max_activation_bytes) {
  Model::Options options;
  options.step = {.tokens = 1, .logits = 1};
  options.max_activation_bytes = max_activation_bytes;
  options.directory = golden.checkpoint;
  options.context_length = context_length;
  options.kernels = kernels_;
  options.workers = &workers_;
  options.block_pool = &pool_;
  absl::StatusOr<std::unique_ptr<Model>> model = Model::Load(options);
  EXPECT_TRUE(model.ok()) << model.status();
  return *std::move(model);
}

std::shared_ptr<Model> SchedulerHarness::Load(const std::string& directory,
                                              PrefetchPolicy prefetch) {
  Model::Options options;
  options.directory = directory;
  options.kernels = kernels_;
  options.workers = &workers_;
  options.block_pool = &pool_;
  options.prefetch = prefetch;
  absl::StatusOr<std::unique_ptr<Model>> model = Model::Load(options);
  EXPECT_TRUE(model.ok()) << model.status();
  return *std::move(model);
}

SchedulerHarness::Submitted SchedulerHarness::SubmitUntokenized(const std::shared_ptr<Model>& model,
                                                                GenerationRequest options) {
  Submitted submitted{.id = next_id_++, .observer = std::make_shared<RecordingObserver>()};
  auto request = std::make_unique<Request>();
  request->id = submitted.id;
  request->model = model;
  request->options = std::move(options);
  request->observer = submitted.observer;
  request->arrival = clock_.Now();
  scheduler_->Add(std::move(request));
  return submitted;
}

SchedulerHarness::Submitted SchedulerHarness::Submit(const std::shared_ptr<Model>& model,
                                                     GenerationRequest options) {
  TokenizedPrompt prompt;
  prompt.ids = std::get<std::vector<int32_t>>(options.input);
  const Submitted submitted = SubmitUntokenized(model, std::move(options));
  scheduler_->SetPrompt(submitted.id, std::move(prompt));
  return submitted;
}

int64_t SchedulerHarness::RunUntilIdle(int64_t limit) {
  int64_t steps = 0;
  while (scheduler_->Step()) {
    if (++steps == limit) {
      ADD_FAILURE() << "still working after " << limit << " steps";
      break;
    }
  }
  return steps;
}

GenerationRequest GreedyRequest(const Golden& golden, int64_t max_tokens) {
  GenerationRequest request;
  request.input = golden.prompt;
  request.stopping.max_tokens = max_tokens;
  request.stopping.ignore_eos = true;
  return request;
}

std::vector<int32_t> First(const std::vector<int32_t>& values, int64_t count) {
  return {values.begin(), values.begin() + count};
}

}  // namespace firstlight
