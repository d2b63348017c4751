#include "engine/engine.h"

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/strings/str_cat.h"
#include "engine/generation_options.h"
#include "engine/kv_cache/block_pool.h"
#include "engine/scheduling/request.h"
#include "engine/scheduling/scheduler.h"
#include "engine/scheduling/tokenizing_queue.h"
#include "engine/workers/cpu_topology.h"
#include "engine/workers/worker_pool.h"
#include "loader/base/mutex.h"
#include "loader/base/status_macros.h"
#include "loader/residency/mapped_page_reader.h"
#include "loader/residency/pin.h"
#include "loader/residency/release.h"
#include "loader/residency/residency_probe.h"

namespace firstlight {
namespace {

absl::Status CheckOptions(const Engine::Options& options) {
  const std::pair<const char*, int64_t> positive[] = {
      {"kv_cache_bytes", options.kv_cache_bytes},         {"max_sequences", options.max_sequences},
      {"default_max_tokens", options.default_max_tokens}, {"step_tokens", options.step_tokens},
      {"tokenizer_threads", options.tokenizer_threads},
  };
  for (const auto& [name, value] : positive) {
    if (value < 1) {
      return absl::InvalidArgumentError(absl::StrCat(name, ": expected at least 1, found ", value));
    }
  }
  if (options.max_queue < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_queue: expected at least 0, found ", options.max_queue));
  }
  return absl::OkStatus();
}

// Bounds a sleep until a far deadline: the C++ library's time points overflow beyond three
// centuries.
constexpr absl::Duration kLongestSleep = absl::Hours(1);

uint64_t DrawSeed() {
  std::random_device device;
  return (uint64_t{device()} << 32) | device();
}

// What a request needs of its model's tokenizer beyond the text of the answer.
bool NeedsText(const GenerationRequest& request) {
  return request.output.echo || !request.stopping.stop_sequences.empty() ||
         !request.sampling.bad_words.empty();
}

}  // namespace

// Requests reach the scheduler's thread through an inbox of commands; what other threads ask for
// (counts) it leaves behind under the same mutex.
class Engine::Impl {
 public:
  Impl(const Options& options, const Kernels* kernels, int threads)
      : options_(options),
        kernels_(kernels),
        clock_(options.clock != nullptr ? options.clock : &system_clock_),
        tokenizers_(options.tokenizer_cache),
        block_pool_(options.kv_cache_bytes),
        workers_(threads),
        pin_limit_(options.pin_limit_bytes),
        owned_reader_(options.page_reader != nullptr ? nullptr : NewMappedPageReader()),
        gate_(
            {.reader = options.page_reader != nullptr ? options.page_reader : owned_reader_.get(),
             .sample = [this](absl::Span<const ByteRange> ranges) { return SampleWeights(ranges); },
             .release = [](absl::Span<const ByteRange> ranges) { ReleasePages(ranges); },
             .pin_limit = &pin_limit_,
             .clock = clock_,
             .window_bytes = options.prefetch_window_bytes,
             .run_on_engine =
                 [this](absl::AnyInvocable<void()> closure) {
                   Post([closure = std::move(closure)](Scheduler*) mutable { closure(); });
                 },
             .on_damage =
                 [this](const Model& model, const absl::Status& status) {
                   model.integrity()->Report(status);
                   scheduler_.FailRequests(&model, status);
                   if (options_.on_damage) options_.on_damage(model, status);
                 }}),
        scheduler_({.max_sequences = options.max_sequences,
                    .step_tokens = options.step_tokens,
                    .default_max_tokens = options.default_max_tokens,
                    .clock = clock_,
                    .gate = &gate_,
                    .block_pool = &block_pool_,
                    .workers = &workers_,
                    .exp = kernels->exp,
                    .step_gaps = &step_gaps_,
                    .on_ended = [this](const Request& request,
                                       int64_t sequences) { CountEnded(request, sequences); },
                    .on_damage = options.on_damage,
                    .on_turn = options.on_turn}),
        tokenizing_(options.tokenizer_threads, clock_,
                    [this](RequestId id, absl::StatusOr<TokenizedPrompt> prompt) {
                      Post([id, prompt = std::move(prompt)](Scheduler* scheduler) mutable {
                        scheduler->SetPrompt(id, std::move(prompt));
                      });
                    }),
        thread_([this] { ThreadMain(); }) {}

  ~Impl() {
    {
      MutexLock lock(&mutex_);
      stopping_ = true;
      changed_.Signal();
    }
    thread_.join();
    // What is left may hold the last reference to a model, which ends with the help of the gate.
    gate_.Stop();
    std::vector<Command> rest;
    MutexLock lock(&mutex_);
    rest.swap(inbox_);
  }

  absl::StatusOr<std::unique_ptr<Model>> LoadModel(const std::string& directory,
                                                   std::optional<int64_t> context_length,
                                                   PrefetchPolicy prefetch) {
    Model::Options model_options;
    model_options.directory = directory;
    model_options.context_length = context_length;
    model_options.kernels = kernels_;
    model_options.workers = &workers_;
    model_options.block_pool = &block_pool_;
    model_options.step = {
        .tokens = MaxRows(options_.step_tokens, options_.max_sequences),
        .logits = options_.max_sequences + PromptLogitsRows(options_.step_tokens)};
    model_options.prefetch = prefetch;
    model_options.tokenizers = &tokenizers_;
    model_options.chat_templates = &chat_templates_;
    model_options.mapped_files = &mapped_files_;
    return Model::Load(model_options);
  }

  absl::StatusOr<RequestId> Submit(std::shared_ptr<Model> model, GenerationRequest options,
                                   std::shared_ptr<GenerationObserver> observer) {
    FIRSTLIGHT_RETURN_IF_ERROR(CheckRequest(options));
    TokenizingQueue::Job job{.model = model,
                             .input = std::move(options.input),
                             .add_special_tokens = options.add_special_tokens,
                             .data_bytes = std::move(options.data_bytes),
                             .bad_words = options.sampling.bad_words,
                             .keep_text = options.output.echo,
                             .needs_text = NeedsText(options),
                             .deadline = options.deadline};
    auto request = std::make_unique<Request>();
    request->model = std::move(model);
    request->observer = std::move(observer);
    request->arrival = clock_->Now();
    request->drawn_seed = DrawSeed();
    const int64_t sequences = options.num_sequences;
    request->options = std::move(options);
    {
      MutexLock lock(&mutex_);
      const int64_t capacity = options_.max_sequences + options_.max_queue;
      if (stopping_) {
        return absl::CancelledError("the engine is stopping");
      }
      if (under_way_ + sequences > capacity) {
        return absl::ResourceExhaustedError(absl::StrCat("queue: expected at most ", capacity,
                                                         " sequences under way, found ", under_way_,
                                                         " and ", sequences, " more"));
      }
      under_way_ += sequences;
      model_counts_[job.model.get()].under_way += sequences;
      job.id = request->id = next_id_++;
      inbox_.emplace_back([request = std::move(request)](Scheduler* scheduler) mutable {
        scheduler->Add(std::move(request));
      });
      changed_.Signal();
    }
    const RequestId id = job.id;
    tokenizing_.Add(std::move(job));
    return id;
  }

  void Cancel(RequestId id, absl::Status status) {
    Post([id, status = std::move(status)](Scheduler* scheduler) { scheduler->Cancel(id, status); });
  }

  void Resume(RequestId id) {
    Post([id](Scheduler* scheduler) { scheduler->Resume(id); });
  }

  void EndRequests(const Model* model, FinishReason reason) {
    Post([model, reason](Scheduler* scheduler) { scheduler->EndRequests(model, reason); });
  }

  void FailRequests(const Model* model, absl::Status status) {
    Post([model, status = std::move(status)](Scheduler* scheduler) {
      scheduler->FailRequests(model, status);
    });
  }

  PopulateId Populate(std::shared_ptr<Model> model, WeightGate::PopulateOptions options,
                      std::function<void(absl::Status)> done) {
    const PopulateId id = options.id = next_populate_id_.fetch_add(1, std::memory_order_relaxed);
    Post([this, model = std::move(model), options = std::move(options),
          done = std::move(done)](Scheduler*) mutable {
      gate_.Populate(std::move(model), std::move(options), std::move(done));
    });
    return id;
  }

  void CancelPopulate(PopulateId id) {
    Post([this, id](Scheduler*) { gate_.CancelPopulate(id); });
  }

  void Pin(std::shared_ptr<Model> model, std::function<void(absl::Status)> done) {
    Post([this, model = std::move(model), done = std::move(done)](Scheduler*) mutable {
      gate_.Pin(std::move(model), std::move(done));
    });
  }

  void Park(std::shared_ptr<Model> model, std::function<void()> done) {
    Post([this, model = std::move(model), done = std::move(done)](Scheduler*) mutable {
      gate_.Park(std::move(model), std::move(done));
    });
  }

  WeightShares SampleWeights(absl::Span<const ByteRange> ranges) const {
    if (options_.sample_weights) return options_.sample_weights(ranges);
    const ResidencySample sample = probe_.Sample(ranges);
    return {.mapped = sample.mapped_share(), .resident = sample.resident_share()};
  }

  SequenceCounts CountSequences(const Model* model) {
    MutexLock lock(&mutex_);
    const auto found = model_counts_.find(model);
    if (found == model_counts_.end()) {
      return {};
    }
    const int64_t running = std::min(found->second.running, found->second.under_way);
    return {.running = running, .waiting = found->second.under_way - running};
  }

  StepGaps::Reading ReadStepGaps() const { return step_gaps_.Read(clock_->Now()); }
  const BlockPool& block_pool() const { return block_pool_; }
  const Kernels& kernels() const { return *kernels_; }
  int threads() const { return workers_.threads(); }

 private:
  using Command = absl::AnyInvocable<void(Scheduler*)>;

  struct ModelCounts {
    int64_t under_way = 0;  // sequences
    int64_t running = 0;    // after the last step
  };

  void Post(Command command) {
    MutexLock lock(&mutex_);
    inbox_.push_back(std::move(command));
    changed_.Signal();
  }

  // Engine thread, inside the scheduler.
  void CountEnded(const Request& request, int64_t sequences) {
    if (request.sequences.empty()) {
      tokenizing_.Cancel(request.id);
    }
    MutexLock lock(&mutex_);
    under_way_ -= sequences;
    const auto found = model_counts_.find(request.model.get());
    found->second.under_way -= sequences;
    if (found->second.under_way == 0) {
      model_counts_.erase(found);
    }
  }

  void PublishRunning() {
    const std::map<const Model*, int64_t> running = scheduler_.CountRunning();
    MutexLock lock(&mutex_);
    for (auto& [model, counts] : model_counts_) {
      const auto found = running.find(model);
      counts.running = found != running.end() ? found->second : 0;
    }
  }

  void ThreadMain() {
    bool has_work = false;
    while (true) {
      std::vector<Command> commands;
      const absl::Duration until_deadline =
          std::min(scheduler_.NextDeadline() - clock_->Now(), kLongestSleep);
      {
        MutexLock lock(&mutex_);
        while (inbox_.empty() && !has_work && !stopping_ &&
               changed_.WaitWithTimeout(&mutex_, until_deadline)) {
        }
        if (stopping_) {
          break;
        }
        commands.swap(inbox_);
      }
      for (Command& command : commands) {
        command(&scheduler_);
      }
      has_work = scheduler_.Step();
      PublishRunning();
    }
    std::vector<Command> rest;
    {
      MutexLock lock(&mutex_);
      rest.swap(inbox_);
    }
    for (Command& command : rest) {
      command(&scheduler_);
    }
    scheduler_.EndAll(absl::CancelledError("the engine is stopping"));
  }

  const Options options_;
  const Kernels* const kernels_;
  const SystemClock system_clock_;
  const Clock* const clock_;
  TokenizerCache tokenizers_;
  ChatTemplateCache chat_templates_;
  MappedFiles mapped_files_;
  BlockPool block_pool_;
  WorkerPool workers_;

  Mutex mutex_;
  CondVar changed_;
  std::vector<Command> inbox_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  RequestId next_id_ ABSL_GUARDED_BY(mutex_) = 1;
  int64_t under_way_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::flat_hash_map<const Model*, ModelCounts> model_counts_ ABSL_GUARDED_BY(mutex_);

  PinLimit pin_limit_;
  const std::unique_ptr<PageReader> owned_reader_;
  const ResidencyProbe probe_;
  // Both used by thread_ only, but for what they say of other threads. The gate's own threads post
  // to the inbox until it is destroyed.
  WeightGate gate_;
  std::atomic<PopulateId> next_populate_id_ = 1;
  StepGaps step_gaps_;
  Scheduler scheduler_;
  TokenizingQueue tokenizing_;
  std::thread thread_;
};

Engine::Engine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Engine::~Engine() = default;

absl::StatusOr<std::unique_ptr<Engine>> Engine::Create(const Options& options) {
  FIRSTLIGHT_RETURN_IF_ERROR(CheckOptions(options));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const Kernels* kernels, SelectKernels(options.isa));
  const int threads = options.threads > 0 ? options.threads : DefaultThreads(ReadCpuTopology());
  return std::unique_ptr<Engine>(new Engine(std::make_unique<Impl>(options, kernels, threads)));
}

absl::StatusOr<std::unique_ptr<Model>> Engine::LoadModel(const std::string& directory,
                                                         std::optional<int64_t> context_length,
                                                         PrefetchPolicy prefetch) const {
  return impl_->LoadModel(directory, context_length, prefetch);
}

absl::StatusOr<Engine::RequestId> Engine::Submit(std::shared_ptr<Model> model,
                                                 GenerationRequest request,
                                                 std::shared_ptr<GenerationObserver> observer) {
  return impl_->Submit(std::move(model), std::move(request), std::move(observer));
}

void Engine::Cancel(RequestId id, absl::Status status) { impl_->Cancel(id, std::move(status)); }
void Engine::Resume(RequestId id) { impl_->Resume(id); }
void Engine::EndRequests(const Model* model, FinishReason reason) {
  impl_->EndRequests(model, reason);
}
void Engine::FailRequests(const Model* model, absl::Status status) {
  impl_->FailRequests(model, std::move(status));
}
Engine::PopulateId Engine::Populate(std::shared_ptr<Model> model,
                                    WeightGate::PopulateOptions options,
                                    std::function<void(absl::Status)> done) {
  return impl_->Populate(std::move(model), std::move(options), std::move(done));
}
void Engine::CancelPopulate(PopulateId id) { impl_->CancelPopulate(id); }
void Engine::Pin(std::shared_ptr<Model> model, std::function<void(absl::Status)> done) {
  impl_->Pin(std::move(model), std::move(done));
}
void Engine::Park(std::shared_ptr<Model> model, std::function<void()> done) {
  impl_->Park(std::move(model), std::move(done));
}
WeightShares Engine::SampleResidency(const Model& model) const {
  return impl_->SampleWeights(model.residency()->plan().all());
}

Engine::SequenceCounts Engine::CountSequences(const Model* model) const {
  return impl_->CountSequences(model);
}
StepGaps::Reading Engine::ReadStepGaps() const { return impl_->ReadStepGaps(); }
int64_t Engine::kv_cache_used_bytes() const { return impl_->block_pool().used_bytes(); }
int64_t Engine::kv_cache_capacity_bytes() const { return impl_->block_pool().capacity_bytes(); }
const char* Engine::isa_name() const { return IsaName(impl_->kernels().isa).data(); }
int Engine::threads() const { return impl_->threads(); }

}  // namespace firstlight
