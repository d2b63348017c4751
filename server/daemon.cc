#include "server/daemon.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "engine/engine.h"
#include "engine/kernels/kernels.h"
#include "loader/base/status_macros.h"
#include "loader/residency/memory_pressure.h"
#include "server/base/status.h"
#include "server/base/task_pool.h"
#include "server/http.h"
#include "server/metrics/lifecycle_metrics.h"
#include "server/metrics/metrics.h"
#include "server/metrics/scrape_reader.h"
#include "server/models/engine_models.h"
#include "server/models/integrity_watch.h"
#include "server/models/model_parker.h"
#include "server/models/model_registry.h"
#include "server/process/drain.h"
#include "server/process/memory_limit.h"
#include "server/process/memory_shortage.h"
#include "server/process/process_clock.h"
#include "server/process/process_state.h"
#include "server/rpc/delivery_thread.h"
#include "server/rpc/generation_service.h"
#include "server/rpc/grpc_listener.h"
#include "server/rpc/health.h"
#include "server/rpc/model_admin_service.h"

namespace firstlight {
namespace {

// A prompt may have 8 MiB; ids and the rest of a request need less.
constexpr int kMaxGenerationBytes = 16 << 20;
constexpr int kMaxAdminBytes = 1 << 20;

// Tokenizers build one a thread; more would only take the cores from each other and the engine.
constexpr int kLoadingThreads = 2;
constexpr int kTokenizingThreads = 2;
constexpr size_t kMaxWaitingTokenize = 256;
constexpr int kAdminThreads = 4;
constexpr size_t kMaxWaitingAdmin = 64;
// Lines of the log that wait for a standard error that nobody reads; later ones are lost.
constexpr size_t kMaxWaitingLines = 4096;

std::vector<std::string> Methods() {
  return {"Generate",  "Chat",      "RenderChat",  "Tokenize",      "Detokenize",  "ListModels",
          "GetModel",  "LoadModel", "SwapModel",   "RollbackModel", "UnloadModel", "WarmModel",
          "ParkModel", "SetAlias",  "DeleteAlias", "ListAliases"};
}

// Tokenizers that were built from their files although images are kept are worth a line.
void LogTokenizer(const TokenizerCache::Opened& opened, const Log& log) {
  constexpr absl::string_view kOrigins[] = {"shared", "image", "files"};
  std::vector<LogField> fields = {{"directory", opened.checkpoint.string()},
                                  {"from", kOrigins[static_cast<int>(opened.origin)]},
                                  {"image", opened.image_path},
                                  {"duration", opened.duration}};
  if (!opened.image_status.ok()) {
    fields.emplace_back("reason", std::string(opened.image_status.message()));
  }
  if (opened.origin == TokenizerCache::Origin::kFiles) {
    log.Info("tokenizer", fields);
  } else {
    log.Debug("tokenizer", fields);
  }
}

Engine::Options EngineOptions(const ServerOptions& options, IntegrityWatch* integrity,
                              const Log* log) {
  Engine::Options engine;
  engine.threads = static_cast<int>(options.threads);
  engine.isa = ParseIsa(options.isa).value_or(Isa::kAuto);
  engine.kv_cache_bytes = options.kv_cache_bytes > 0 ? options.kv_cache_bytes
                                                     : DefaultKvCacheBytes(AllowedMemoryBytes());
  engine.max_sequences = options.max_sequences;
  engine.max_queue = options.max_queue;
  engine.default_max_tokens = options.default_max_tokens;
  engine.pin_limit_bytes = options.pin_limit_bytes;
  engine.on_damage = [integrity](const Model&, const absl::Status&) { integrity->LookNow(); };
  engine.tokenizer_cache = {
      .directory = options.cache_dir.value_or(DefaultCacheDirectory()),
      .on_opened = [log](const TokenizerCache::Opened& opened) { LogTokenizer(opened, *log); }};
  return engine;
}

EngineLoaderOptions LoaderOptions(const ServerOptions& options) {
  EngineLoaderOptions loader;
  loader.context_length = options.context_length;
  loader.prefetch = options.prefetch;
  for (const ModelArgument& model : options.models) {
    if (model.prefetch.has_value()) loader.prefetch_of_directory[model.directory] = *model.prefetch;
  }
  return loader;
}

}  // namespace

// Members are in the order in which they are made; they go in the opposite one. Calls use
// everything above `listener`, so that one goes first; the engine ends its requests before the
// registry waits for their pins.
class Daemon::Impl {
 public:
  Impl(const ServerOptions& options, const Log* log, ModelRoots roots,
       std::unique_ptr<IntegrityWatch> watch, std::unique_ptr<Engine> engine)
      : options(options),
        log(log),
        integrity(std::move(watch)),
        owned_engine(std::move(engine)),
        health({v1::GenerationService::service_full_name(),
                v1::ModelAdminService::service_full_name()}),
        metrics({.isa = owned_engine->isa_name(),
                 .methods = Methods(),
                 .max_sequences = options.max_sequences,
                 .max_queue = options.max_queue}),
        lifecycle(&metrics, absl::Now),
        loading(kLoadingThreads, options.models.size() + 1),
        tokenizing(kTokenizingThreads, kMaxWaitingTokenize),
        administrating(kAdminThreads, kMaxWaitingAdmin),
        sampling(1, kMaxWaitingAdmin),
        logging(1, kMaxWaitingLines),
        registry(
            {.loader = MakeLoader(),
             .roots = std::move(roots),
             .end_requests =
                 [engine = owned_engine.get()](LoadedModel* model) {
                   engine->EndRequests(model->engine_model(), FinishReason::kModelUnloaded);
                 },
             .loading_tasks = &loading,
             .on_retired =
                 [this](const ServedModel& model) {
                   metrics.RetireVersion(model.name, model.version, TotalsOf(model));
                 },
             .on_swap =
                 [this](const std::string& name, const absl::Status& status,
                        absl::Duration duration) { metrics.RecordSwap(name, status, duration); },
             .on_rollback = [this](const std::string& name) { metrics.RecordRollback(name); },
             .max_waiting = static_cast<size_t>(options.max_queue),
             .ready_when_warm = options.ready_when_warm}),
        scrape_reader(owned_engine.get(), &registry),
        calls(
            {.log = log, .metrics = &metrics, .state = &state, .log_prompts = options.log_prompts}),
        generation({.calls = calls,
                    .registry = &registry,
                    .engine = owned_engine.get(),
                    .delivery = &delivery,
                    .tokenizing = &tokenizing}),
        admin({.calls = calls,
               .registry = &registry,
               .delivery = &delivery,
               .tasks = &administrating,
               .sampling = &sampling,
               .drain_timeout = options.drain_timeout}),
        parker({.registry = &registry,
                .log = log,
                .idle_park = options.idle_park,
                .memory_is_short = [this] { return shortage.Judge(parker_pressure.Read()); }}),
        generation_health(&health, &delivery),
        admin_health(&health, &delivery) {
    registry.AddListener([this](const ModelChange& change) { OnModelChange(change); });
    integrity->Start({.models = [this] { return registry.Live(); },
                      .fail =
                          [this](const ServedModel& model, const absl::Status& status) {
                            registry.Fail(model.name, model.version, status);
                          },
                      .log = log});
  }

  ~Impl() {
    listener.reset();
    admin_listener.reset();
    http.reset();
    integrity->Stop();
  }

  ModelLoader MakeLoader();
  absl::Status Listen();
  void OnModelChange(const ModelChange& change);
  void LogModelChange(const ModelChange& change) const;
  // Where start-up's time goes, for those who ask.
  void LogStep(const char* step, absl::Time begin) const {
    log->Debug("start", {{"step", step}, {"duration", absl::Now() - begin}});
  }
  void LogServing() const;

  const ServerOptions options;
  const Log* const log;
  ProcessState state;
  DeliveryThread delivery;
  const std::unique_ptr<IntegrityWatch> integrity;  // the engine tells it of damage
  const std::unique_ptr<Engine> owned_engine;
  HealthTable health;
  const MemoryPressureReader parker_pressure;
  MemoryShortage shortage;  // the parker's
  Metrics metrics;
  LifecycleMetrics lifecycle;
  TaskPool loading;
  TaskPool tokenizing;
  TaskPool administrating;
  TaskPool sampling;
  TaskPool logging;
  ModelRegistry registry;
  ScrapeReader scrape_reader;
  const CallEnvironment calls;
  GenerationService generation;
  ModelAdminService admin;
  ModelParker parker;
  HealthService generation_health;
  HealthService admin_health;
  std::unique_ptr<HttpServer> http;
  std::unique_ptr<GrpcListener> admin_listener;
  std::unique_ptr<GrpcListener> listener;
};

// Health and metrics follow the registry. The log does, too, on a thread of its own: the registry's
// listeners are called under a lock, and a line is I/O.
void Daemon::Impl::OnModelChange(const ModelChange& change) {
  lifecycle.OnModelChange(change);
  health.OnModelChange(change);
  static_cast<void>(logging.Submit([this, change] { LogModelChange(change); }));
}

void Daemon::Impl::LogModelChange(const ModelChange& change) const {
  const ModelSnapshot& model = change.model;
  std::vector<LogField> fields = {
      {"model", model.name},
      {"version", model.version},
      {"state", change.type == ModelChangeType::kRemoved ? absl::string_view("REMOVED")
                                                         : ModelStateName(model.state)},
      {"directory", model.directory}};
  if (model.state == ModelState::kFailed) {
    fields.emplace_back("reason", model.reason);
    log->Error("model", fields);
    return;
  }
  if (!model.aliases.empty()) fields.emplace_back("aliases", absl::StrJoin(model.aliases, ","));
  if (model.state == ModelState::kActive) fields.emplace_back("load", model.load_time);
  log->Info("model", fields);
  if (model.state == ModelState::kActive && !model.facts->ignored_generation_fields.empty()) {
    log->Warning("generation config",
                 {{"model", model.name},
                  {"version", model.version},
                  {"ignored", absl::StrJoin(model.facts->ignored_generation_fields, ",")},
                  {"reason", "not implemented: transformers would generate something else"}});
  }
}

// A policy that could not be kept to is told of in the log, off the engine's thread.
ModelLoader Daemon::Impl::MakeLoader() {
  EngineLoaderOptions loader = LoaderOptions(options);
  loader.on_policy_failed = [this](const std::string& directory, const absl::Status& status) {
    static_cast<void>(
        logging.Submit([log = log, directory, reason = std::string(status.message())] {
          log->Warning("prefetch", {{"directory", directory}, {"reason", reason}});
        }));
  };
  return MakeEngineLoader(owned_engine.get(), std::move(loader));
}

absl::Status Daemon::Impl::Listen() {
  EnableReflection();
  const auto named = [](const char* flag, const absl::Status& status) {
    return absl::UnavailableError(absl::StrCat(flag, " ", status.message()));
  };
  absl::StatusOr<std::unique_ptr<GrpcListener>> generation_server =
      GrpcListener::Create({.address = options.listen,
                            .max_receive_bytes = kMaxGenerationBytes,
                            .services = {&generation, &generation_health}});
  if (!generation_server.ok()) return named("--listen", generation_server.status());
  listener = *std::move(generation_server);
  absl::StatusOr<std::unique_ptr<GrpcListener>> admin_server =
      GrpcListener::Create({.address = options.admin_listen,
                            .max_receive_bytes = kMaxAdminBytes,
                            .services = {&admin, &admin_health}});
  if (!admin_server.ok()) return named("--admin-listen", admin_server.status());
  admin_listener = *std::move(admin_server);
  metrics.SetReader([this] { return scrape_reader.Read(); });
  absl::StatusOr<std::unique_ptr<HttpServer>> http_server =
      HttpServer::Create({.address = options.metrics_listen,
                          .metrics = [this] { return metrics.Render(); },
                          .healthy = [this] { return health.process_status(); }});
  if (!http_server.ok()) return named("--metrics-listen", http_server.status());
  http = *std::move(http_server);
  return absl::OkStatus();
}

void Daemon::Impl::LogServing() const {
  std::string names;
  for (const ModelSnapshot& model : registry.List()) {
    if (model.state != ModelState::kActive) continue;
    absl::StrAppend(&names, names.empty() ? "" : ",", model.name);
  }
  log->Info("serving", {{"listen", listener->address()},
                        {"admin_listen", admin_listener->address()},
                        {"metrics_listen", http->address()},
                        {"models", names},
                        {"threads", owned_engine->threads()},
                        {"isa", owned_engine->isa_name()},
                        {"kv_cache_bytes", owned_engine->kv_cache_capacity_bytes()},
                        {"since_exec", TimeSinceExec()}});
}

Daemon::Daemon(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Daemon::~Daemon() = default;

absl::StatusOr<std::unique_ptr<Daemon>> Daemon::Create(const ServerOptions& options,
                                                       const Log* log) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelRoots roots,
                              ModelRoots::Create(options.model_roots, options.models));
  auto integrity = std::make_unique<IntegrityWatch>();
  const absl::Time begin = absl::Now();
  FIRSTLIGHT_ASSIGN_OR_RETURN(std::unique_ptr<Engine> engine,
                              Engine::Create(EngineOptions(options, integrity.get(), log)));
  log->Debug("start", {{"step", "engine"}, {"duration", absl::Now() - begin}});
  return std::unique_ptr<Daemon>(new Daemon(std::make_unique<Impl>(
      options, log, std::move(roots), std::move(integrity), std::move(engine))));
}

absl::Status Daemon::Start(const std::function<void()>& on_mapped) {
  Impl& d = *impl_;
  // Before anybody can ask, so that a request for one of these names waits instead of failing.
  d.registry.Declare(d.options.models);
  const absl::Time begin = absl::Now();
  FIRSTLIGHT_RETURN_IF_ERROR(d.Listen());
  d.LogStep("listen", begin);
  const absl::Time listening = absl::Now();
  const int failed = d.registry.LoadDeclared();
  d.LogStep("models", listening);
  if (failed > 0 && static_cast<size_t>(failed) == d.options.models.size()) {
    std::string reasons;
    for (const ModelSnapshot& model : d.registry.List()) {
      absl::StrAppend(&reasons, "\n  --model ", model.name, "=", model.directory, ": ",
                      model.reason);
    }
    return absl::FailedPreconditionError(
        absl::StrCat("none of the models could be loaded:", reasons));
  }
  on_mapped();
  d.parker.Start();
  d.health.SetStarted();
  d.LogServing();
  return absl::OkStatus();
}

absl::Status Daemon::CheckModels() {
  const ModelLoader loader =
      MakeEngineLoader(impl_->owned_engine.get(), LoaderOptions(impl_->options));
  absl::StatusCode code = absl::StatusCode::kOk;
  std::string reasons;
  for (const ModelArgument& model : impl_->options.models) {
    absl::StatusOr<std::unique_ptr<LoadedModel>> loaded = loader(model.directory);
    const absl::Status status = loaded.ok() ? (*loaded)->BuildTokenizer() : loaded.status();
    if (status.ok()) continue;
    if (code == absl::StatusCode::kOk) code = status.code();
    absl::StrAppend(&reasons, reasons.empty() ? "" : "; ", "--model ", model.name, "=",
                    model.directory, ": ", status.message());
  }
  return {code, reasons};
}

void Daemon::Drain() {
  Impl& d = *impl_;
  RunDrain(
      {.delay = d.options.drain_delay, .timeout = d.options.drain_timeout},
      {.set_not_serving = [&d] { d.health.SetDraining(); },
       .refuse_new_calls =
           [&d] {
             d.state.StartRefusing();
             // A version that would never serve is not worth waiting for.
             d.registry.CancelLoads(
                 WithErrorInfo(absl::UnavailableError("the server is shutting down"), "DRAINING"));
           },
       .await_idle = [&d](absl::Duration timeout) { return d.state.AwaitIdle(timeout); },
       .end_streams =
           [&d] {
             for (const std::shared_ptr<ServedModel>& model : d.registry.Live()) {
               d.owned_engine->EndRequests(model->loaded->engine_model(), FinishReason::kCancelled);
             }
           },
       .end_watches =
           [&d] {
             d.health.EndWatches();
             d.admin.EndWatches();
           },
       .close_listeners =
           [&d](absl::Duration grace) {
             d.listener->Shutdown(grace);
             d.admin_listener->Shutdown(grace);
           },
       .calls = [&d] { return d.state.calls(); },
       .log = d.log});
}

}  // namespace firstlight
