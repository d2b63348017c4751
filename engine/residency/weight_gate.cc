#include "engine/residency/weight_gate.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/model.h"

namespace firstlight {
namespace {

// The state of a model is its own, and changes while the model itself is constant.
ModelResidency& StateOf(const Model& model) { return *model.residency(); }

}  // namespace

struct WeightGate::Populating {
  std::weak_ptr<const Model> model;
  const Model* key = nullptr;
  std::shared_ptr<PrefetchJob> job;
  PopulateOptions options;
  std::function<void(absl::Status)> done;
};

WeightGate::WeightGate(Options options)
    : options_(std::move(options)), prefetcher_(options_.reader) {}

WeightGate::~WeightGate() {
  for (Populating& populating : populating_) {
    populating.done(absl::CancelledError("the engine is stopping"));
  }
}

void WeightGate::Dequeued(const std::shared_ptr<const Model>& model) {
  ModelResidency& state = StateOf(*model);
  state.model_ = model;
  state.active_ = true;
  Refresh(state);
}

void WeightGate::PassBegins(const Model& model, absl::Span<const int32_t> tokens) {
  ModelResidency& state = StateOf(model);
  state.next_stage_ = 0;
  Refresh(state);
  OpenIfFetched(state);  // the job's own word may still be on its way
  if (state.policy_ == PrefetchPolicy::kNone) return;
  WeightPlan::Ranges wanted;
  state.rows_wanted_.clear();
  if (!state.all_rows_known_) {
    state.rows_known_.resize(static_cast<size_t>(model.spec().vocab_size));
    std::copy_if(tokens.begin(), tokens.end(), std::back_inserter(state.rows_wanted_),
                 [&](int32_t token) { return !state.rows_known_[static_cast<size_t>(token)]; });
    wanted = state.plan_.EmbeddingRows(state.rows_wanted_);
  }
  state.with_rows_wanted_ = !state.with_rows_known_;
  if (state.with_rows_wanted_) {
    const WeightPlan::Ranges& with_rows = state.plan_.with_embedding();
    wanted.insert(wanted.end(), with_rows.begin(), with_rows.end());
  }
  CancelJob(&state.rows_job_);  // of a pass that was abandoned
  if (wanted.empty()) return;
  state.rows_job_ = StartJob(state.model_.lock(), {std::move(wanted)}, PrefetchRequest::kNoWindow,
                             PrefetchPriority::kRequested);
}

bool WeightGate::IsOpen(const Model& model, int64_t layer) {
  ModelResidency& state = StateOf(model);
  switch (state.phase_) {
    case Phase::kUnknown:
      Look(state);
      return false;
    case Phase::kChecking:
    case Phase::kParking:
      return false;
    case Phase::kFetching:
      if (layer >= 0 && !state.job_->IsPopulated(layer)) return false;
      break;
    case Phase::kOpen:
      break;
  }
  if (layer >= 0 || state.rows_job_ == nullptr) return true;
  if (!state.rows_job_->IsPopulated(0)) return false;
  state.rows_known_.resize(static_cast<size_t>(model.spec().vocab_size));
  for (const int32_t token : state.rows_wanted_) {
    state.rows_known_[static_cast<size_t>(token)] = true;
  }
  // Not of a job that began when they were known: they may have been forgotten since.
  if (state.with_rows_wanted_) state.with_rows_known_ = true;
  state.rows_job_ = nullptr;
  return true;
}

bool WeightGate::AreExpertsOpen(const Model& model, int64_t layer,
                                absl::Span<const int32_t> experts) {
  ModelResidency& state = StateOf(model);
  if (state.policy_ == PrefetchPolicy::kNone || state.all_experts_known_) return true;
  state.experts_known_.resize(static_cast<size_t>(state.plan_.head_stage()));
  std::vector<bool>& known = state.experts_known_[static_cast<size_t>(layer)];
  known.resize(static_cast<size_t>(state.plan_.num_experts(layer)));
  const auto take_what_is_there = [&] {
    if (state.experts_job_ == nullptr || state.experts_layer_ != layer ||
        !state.experts_job_->IsPopulated(0)) {
      return false;
    }
    for (const int32_t expert : state.experts_wanted_) known[static_cast<size_t>(expert)] = true;
    state.experts_job_ = nullptr;
    return true;
  };
  take_what_is_there();
  std::vector<int32_t> wanted;
  std::copy_if(experts.begin(), experts.end(), std::back_inserter(wanted),
               [&](int32_t expert) { return !known[static_cast<size_t>(expert)]; });
  if (wanted.empty()) return true;
  if (state.experts_job_ == nullptr || state.experts_layer_ != layer ||
      state.experts_wanted_ != wanted) {
    CancelJob(&state.experts_job_);  // of a pass that was abandoned
    state.experts_layer_ = layer;
    state.last_experts_job_ = options_.clock->Now();
    state.experts_job_ = StartJob(state.model_.lock(), {state.plan_.Experts(layer, wanted)},
                                  PrefetchRequest::kNoWindow, PrefetchPriority::kRequested);
    state.experts_wanted_ = std::move(wanted);
  }
  return take_what_is_there();
}

void WeightGate::StageRan(const Model& model, int64_t layer) {
  ModelResidency& state = StateOf(model);
  const absl::Time now = options_.clock->Now();
  state.last_used_ = now;
  state.ran_since_look_ = true;
  if (state.phase_ != Phase::kFetching && now - state.last_experts_job_ >= kGiveWay) {
    last_open_stage_ = now;
  }
  SetGiveWay(now);
  if (layer < 0) return;
  state.next_stage_ = layer + 1;
  if (state.phase_ == Phase::kFetching) prefetcher_.Consumed(state.job_.get(), layer);
  if (layer != state.plan_.head_stage()) return;
  AllTouched(state);
  OpenIfFetched(state);
}

void WeightGate::SetGiveWay(absl::Time now) {
  const bool give_way = now - last_open_stage_ < kGiveWay;
  if (give_way == readers_give_way_) return;
  readers_give_way_ = give_way;
  prefetcher_.GiveWay(give_way);
}

// A whole pass has gone by, or a whole job.
void WeightGate::AllTouched(ModelResidency& state) {
  state.shares_.mapped = 1.0;
  if (state.shares_.resident.has_value()) state.shares_.resident = 1.0;
}

void WeightGate::FaultedFromStorage(const Model& model) {
  ModelResidency& state = StateOf(model);
  // While a job runs it is what brings the pages, whoever comes first.
  if (state.policy_ == PrefetchPolicy::kNone || state.phase_ != Phase::kOpen) return;
  Forget(state);
  state.faulted_ = true;
}

// What was begun for requests is theirs; nobody waits for it any more.
void WeightGate::Idle(const Model& model) {
  ModelResidency& state = StateOf(model);
  state.active_ = false;
  CancelJob(&state.rows_job_);
  CancelJob(&state.experts_job_);
  if (state.phase_ != Phase::kFetching) return;
  CancelJob(&state.job_);
  state.phase_ = Phase::kUnknown;
}

// Looks at the page tables again where what is known is old.
void WeightGate::Refresh(ModelResidency& state) {
  const absl::Time now = options_.clock->Now();
  switch (state.phase_) {
    case Phase::kUnknown:
      Look(state);
      return;
    case Phase::kOpen:
      if (now - state.last_used_ > kIdle ||
          (now < state.distrusted_until_ && state.ran_since_look_)) {
        Look(state);
      } else if (now - state.last_checked_ > kRecheck && !state.rechecking_) {
        // In use until now: there is no reason to hold the pass up.
        Look(state);
        state.phase_ = Phase::kOpen;
        state.rechecking_ = true;
      }
      return;
    case Phase::kChecking:
    case Phase::kFetching:
    case Phase::kParking:
      return;
  }
}

void WeightGate::Look(ModelResidency& state) {
  std::shared_ptr<const Model> model = state.model_.lock();
  if (model == nullptr) return;
  state.phase_ = Phase::kChecking;
  looks_.Add([this, model = std::move(model), epoch = ++state.epoch_]() mutable {
    const WeightShares shares = options_.sample(StateOf(*model).plan().every_pass());
    options_.run_on_engine(
        [this, model = std::move(model), epoch, shares] { Looked(model, epoch, shares); });
  });
}

void WeightGate::Looked(const std::shared_ptr<const Model>& model, uint64_t epoch,
                        const WeightShares& shares) {
  ModelResidency& state = StateOf(*model);
  if (state.epoch_ != epoch) return;
  state.rechecking_ = false;
  state.ran_since_look_ = false;
  state.last_look_ = state.shares_ = shares;
  const absl::Time now = options_.clock->Now();
  state.last_checked_ = now;
  const bool all_mapped = shares.mapped == 1.0;
  // The system takes pages of a model in use: it has not the memory for all of it.
  if (state.faulted_ && !all_mapped) state.distrusted_until_ = now + kDistrust;
  state.faulted_ = false;
  if (state.policy_ == PrefetchPolicy::kNone || all_mapped) {
    state.phase_ = Phase::kOpen;
    state.with_rows_known_ = true;
    state.all_rows_known_ = state.all_rows_known_ || state.plan_.rows_are_of_every_pass();
    // What was just seen to be so counts as used now: a request that is still on its way to its
    // first pass need not have it seen again.
    state.last_used_ = now;
    return;
  }
  Forget(state);
  if (state.active_) Fetch(state);
}

void WeightGate::Fetch(ModelResidency& state) {
  state.job_ = StartJob(state.model_.lock(), state.plan_.stages(), options_.window_bytes,
                        PrefetchPriority::kRequested);
  state.phase_ = Phase::kFetching;
  // A pass under way is beyond these; the window must not wait for it to run them.
  if (state.next_stage_ > 0) prefetcher_.Consumed(state.job_.get(), state.next_stage_ - 1);
}

std::shared_ptr<PrefetchJob> WeightGate::StartJob(const std::shared_ptr<const Model>& model,
                                                  std::vector<std::vector<ByteRange>> stages,
                                                  int64_t window_bytes, PrefetchPriority priority) {
  // The job is known to its callback before it can be called: the engine's thread runs it later.
  StateOf(*model).set_end_jobs([this](std::vector<std::shared_ptr<PrefetchJob>> jobs) {
    for (const std::shared_ptr<PrefetchJob>& job : jobs) prefetcher_.Cancel(job.get());
    options_.run_on_engine([this, jobs = std::move(jobs)] {
      for (const std::shared_ptr<PrefetchJob>& job : jobs) AdvancePopulating(job.get());
    });
  });
  SetGiveWay(options_.clock->Now());
  auto started = std::make_shared<std::weak_ptr<PrefetchJob>>();
  std::shared_ptr<PrefetchJob> job =
      prefetcher_.Start({.stages = std::move(stages),
                         .priority = priority,
                         .window_bytes = window_bytes,
                         .keep_alive = model->shared_checkpoint(),
                         .on_progress = [this, started, weak = std::weak_ptr<const Model>(model)] {
                           options_.run_on_engine([this, started, weak] {
                             if (const std::shared_ptr<PrefetchJob> job = started->lock())
                               Fetched(job, weak);
                           });
                         }});
  *started = job;
  StateOf(*model).AddJob(job);
  return job;
}

void WeightGate::OpenIfFetched(ModelResidency& state) {
  if (state.phase_ != Phase::kFetching || !state.job_->AllPopulated()) return;
  state.job_ = nullptr;
  state.phase_ = Phase::kOpen;
  AllTouched(state);
  state.last_checked_ = state.last_used_ = options_.clock->Now();
  state.all_rows_known_ = state.all_rows_known_ || state.plan_.rows_are_of_every_pass();
}

// Something of `job` has been fetched, or it has failed.
void WeightGate::Fetched(const std::shared_ptr<PrefetchJob>& job,
                         const std::weak_ptr<const Model>& weak_model) {
  const std::shared_ptr<const Model> model = weak_model.lock();
  if (model == nullptr) return;
  ModelResidency& state = StateOf(*model);
  OpenIfFetched(state);
  const bool wanted = job == state.job_ || job == state.rows_job_ || job == state.experts_job_ ||
                      IsPopulating(job.get());
  const absl::Status status = job->status();
  // What was given up may still fail; it says nothing about the file as it is now.
  const bool damaged = wanted && absl::IsDataLoss(status);
  if (damaged) {
    CancelJob(&state.rows_job_);
    Forget(state);
  }
  AdvancePopulating(job.get());
  if (damaged) options_.on_damage(*model, status);
}

void WeightGate::CancelJob(std::shared_ptr<PrefetchJob>* job) {
  if (*job == nullptr) return;
  prefetcher_.Cancel(job->get());
  *job = nullptr;
}

// Nothing is known to be in memory from here on, and a look under way is void.
void WeightGate::Forget(ModelResidency& state) {
  CancelJob(&state.job_);
  state.phase_ = Phase::kUnknown;
  state.rechecking_ = false;
  ++state.epoch_;
  state.rows_known_.clear();
  state.with_rows_known_ = false;
  state.all_rows_known_ = false;
  CancelJob(&state.experts_job_);  // which was asked for what was known then
  state.experts_known_.clear();
  state.all_experts_known_ = false;
}

void WeightGate::Populate(std::shared_ptr<const Model> model, PopulateOptions options,
                          std::function<void(absl::Status)> done) {
  ModelResidency& state = StateOf(*model);
  state.model_ = model;
  std::vector<std::vector<ByteRange>> stages = state.plan_.stages();
  stages.push_back(state.plan_.with_embedding());
  stages.push_back(state.plan_.embedding());
  stages.push_back(state.plan_.experts());
  const PrefetchPriority priority =
      options.background ? PrefetchPriority::kBackground : PrefetchPriority::kRequested;
  std::shared_ptr<PrefetchJob> job =
      StartJob(model, std::move(stages), PrefetchRequest::kNoWindow, priority);
  populating_.push_back({.model = model,
                         .key = model.get(),
                         .job = job,
                         .options = std::move(options),
                         .done = std::move(done)});
  // Nothing to do for a model that was copied. What fails is told of by Fetched alone, which
  // reports the damage too, however early it fails.
  if (job->AllPopulated()) AdvancePopulating(job.get());
}

bool WeightGate::IsPopulating(const PrefetchJob* job) const {
  return std::any_of(populating_.begin(), populating_.end(),
                     [job](const Populating& populating) { return populating.job.get() == job; });
}

void WeightGate::AdvancePopulating(const PrefetchJob* job) {
  const auto found = std::find_if(populating_.begin(), populating_.end(),
                                  [job](const Populating& p) { return p.job.get() == job; });
  if (found == populating_.end()) return;
  // Before the bytes are counted: the last word on a job that has ended is all of them.
  const absl::Status status = job->status();
  const bool ended = !status.ok() || job->AllPopulated();
  const std::shared_ptr<const Model> model = found->model.lock();
  if (model != nullptr && found->options.on_progress) {
    const int64_t total = StateOf(*model).plan().all_bytes();
    found->options.on_progress(std::min(job->cost().bytes_populated, total), total);
  }
  if (!ended) return;
  const std::function<void(absl::Status)> done = std::move(found->done);
  populating_.erase(found);
  if (model != nullptr && status.ok()) {
    ModelResidency& state = StateOf(*model);
    state.all_rows_known_ = true;
    state.with_rows_known_ = true;
    state.all_experts_known_ = true;
    if (state.phase_ == Phase::kUnknown) {
      state.phase_ = Phase::kOpen;
      state.last_checked_ = state.last_used_ = options_.clock->Now();
      AllTouched(state);
    }
  }
  done(status);
}

void WeightGate::CancelPopulate(uint64_t id) {
  EndPopulating([id](const Populating& populating) { return populating.options.id == id; });
}

// With CANCELLED.
void WeightGate::EndPopulating(const std::function<bool(const Populating&)>& which) {
  std::list<Populating> cancelled;
  for (auto it = populating_.begin(); it != populating_.end();) {
    const auto next = std::next(it);
    if (which(*it)) cancelled.splice(cancelled.end(), populating_, it);
    it = next;
  }
  for (Populating& populating : cancelled) {
    prefetcher_.Cancel(populating.job.get());
    populating.done(absl::CancelledError("bringing the weights into memory was cancelled"));
  }
}

void WeightGate::Pin(std::shared_ptr<const Model> model, std::function<void(absl::Status)> done) {
  releases_.Add([this, model = std::move(model), done = std::move(done)]() mutable {
    auto pins = std::make_shared<absl::StatusOr<std::unique_ptr<PinnedPages>>>(
        PinnedPages::Pin(options_.pin_limit, StateOf(*model).plan().all()));
    options_.run_on_engine([model = std::move(model), done = std::move(done), pins] {
      const absl::Status status = pins->status();
      if (status.ok()) StateOf(*model).pins_ = *std::move(*pins);
      done(status);
    });
  });
}

void WeightGate::Park(std::shared_ptr<const Model> model, std::function<void()> done) {
  EndPopulating([&model](const Populating& populating) { return populating.key == model.get(); });
  ModelResidency& state = StateOf(*model);
  state.model_ = model;
  Forget(state);
  state.phase_ = Phase::kParking;
  state.shares_ = {.mapped = 0.0, .resident = std::nullopt};
  std::shared_ptr<PinnedPages> pins = std::move(state.pins_);
  releases_.Add([this, model = std::move(model), done = std::move(done), pins = std::move(pins),
                 epoch = state.epoch_]() mutable {
    pins = nullptr;
    options_.release(StateOf(*model).plan().all());
    options_.run_on_engine([model, done, epoch] {
      ModelResidency& parked = StateOf(*model);
      if (parked.phase_ == Phase::kParking && parked.epoch_ == epoch) {
        parked.phase_ = Phase::kUnknown;
      }
      done();
    });
  });
}

}  // namespace firstlight
