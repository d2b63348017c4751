#include "server/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <utility>

#include "server/build_info.h"
#include "server/status.h"

namespace firstlight {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;
using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;

// Seconds, from half a millisecond to ten minutes, near 2.2 apart: a token of the smallest model
// takes less than one, a prompt that waits for a disk takes minutes.
const Histogram::BucketBoundaries& LatencyBuckets() {
  static const auto& buckets = *new Histogram::BucketBoundaries{
      0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
      1,      2.5,   5,      10,    30,   60,    120,  300, 600};
  return buckets;
}

}  // namespace

struct Metrics::Families {
  explicit Families(prometheus::Registry& registry)
      : requests(BuildCounter()
                     .Name("firstlight_requests_total")
                     .Help("RPCs that have ended, by method and canonical status code.")
                     .Register(registry)),
        time_to_first_token(BuildHistogram()
                                .Name("firstlight_time_to_first_token_seconds")
                                .Help("From the arrival of a Generate request to its first token.")
                                .Register(registry)),
        inter_token_latency(BuildHistogram()
                                .Name("firstlight_inter_token_latency_seconds")
                                .Help("Between two tokens of a sequence, except where its client "
                                      "did not read.")
                                .Register(registry)),
        queue(BuildHistogram()
                  .Name("firstlight_queue_seconds")
                  .Help("From the arrival of a Generate request to its first step, tokenization "
                        "included.")
                  .Register(registry)),
        prompt_tokens(BuildCounter()
                          .Name("firstlight_prompt_tokens_total")
                          .Help("Tokens of prompts that were admitted.")
                          .Register(registry)),
        generated_tokens(BuildCounter()
                             .Name("firstlight_generated_tokens_total")
                             .Help("Tokens generated.")
                             .Register(registry)),
        sequences(BuildGauge()
                      .Name("firstlight_sequences")
                      .Help("Sequences now, by state: running, or waiting for the tokenizer, a "
                            "place or cache blocks.")
                      .Register(registry)),
        kv_cache_used(BuildGauge()
                          .Name("firstlight_kv_cache_used_bytes")
                          .Help("KV cache blocks that sequences hold.")
                          .Register(registry)),
        kv_cache_capacity(BuildGauge()
                              .Name("firstlight_kv_cache_capacity_bytes")
                              .Help("Bound of the KV cache of all models together.")
                              .Register(registry)),
        load_seconds(BuildGauge()
                         .Name("firstlight_model_load_seconds")
                         .Help("How long the load of the current version took until it served.")
                         .Register(registry)),
        weight_bytes(BuildGauge()
                         .Name("firstlight_weight_bytes")
                         .Help("Weights of the current version: assigned (mapped, used in place), "
                               "copied, or tied to another.")
                         .Register(registry)),
        build_info(BuildGauge()
                       .Name("firstlight_build_info")
                       .Help("1, with what runs as labels.")
                       .Register(registry)) {}

  Family<Counter>& requests;
  Family<Histogram>& time_to_first_token;
  Family<Histogram>& inter_token_latency;
  Family<Histogram>& queue;
  Family<Counter>& prompt_tokens;
  Family<Counter>& generated_tokens;
  Family<Gauge>& sequences;
  Family<Gauge>& kv_cache_used;
  Family<Gauge>& kv_cache_capacity;
  Family<Gauge>& load_seconds;
  Family<Gauge>& weight_bytes;
  Family<Gauge>& build_info;
};

Metrics::Metrics(const std::string& isa, const std::vector<std::string>& methods)
    : registry_(std::make_shared<prometheus::Registry>()),
      families_(std::make_unique<Families>(*registry_)),
      kv_cache_used_(&families_->kv_cache_used.Add({})),
      kv_cache_capacity_(&families_->kv_cache_capacity.Add({})) {
  families_->build_info
      .Add({{"version", BuildVersion()}, {"revision", BuildRevision()}, {"isa", isa}})
      .Set(1);
  for (const std::string& method : methods) {
    families_->requests.Add({{"method", method}, {"code", "OK"}});
  }
}

Metrics::~Metrics() = default;

void Metrics::SetReader(std::function<Reading()> reader) { reader_ = std::move(reader); }

void Metrics::AddModel(const std::string& name) {
  MutexLock lock(&mutex_);
  if (models_.contains(name)) return;
  const prometheus::Labels labels = {{"model", name}};
  Families& f = *families_;
  ModelMetrics m;
  m.time_to_first_token = &f.time_to_first_token.Add(labels, LatencyBuckets());
  m.inter_token_latency = &f.inter_token_latency.Add(labels, LatencyBuckets());
  m.queue = &f.queue.Add(labels, LatencyBuckets());
  m.prompt_tokens = &f.prompt_tokens.Add(labels);
  m.generated_tokens = &f.generated_tokens.Add(labels);
  m.running = &f.sequences.Add({{"model", name}, {"state", "running"}});
  m.waiting = &f.sequences.Add({{"model", name}, {"state", "waiting"}});
  m.load_seconds = &f.load_seconds.Add(labels);
  m.assigned_bytes = &f.weight_bytes.Add({{"model", name}, {"disposition", "assigned"}});
  m.copied_bytes = &f.weight_bytes.Add({{"model", name}, {"disposition", "copied"}});
  m.tied_bytes = &f.weight_bytes.Add({{"model", name}, {"disposition", "tied"}});
  models_.emplace(name, m);
}

void Metrics::SetModelFacts(const std::string& name, const ModelFacts& facts,
                            absl::Duration load_time) {
  const ModelMetrics m = ForModel(name);
  if (m.load_seconds == nullptr) return;
  m.load_seconds->Set(absl::ToDoubleSeconds(load_time));
  m.assigned_bytes->Set(static_cast<double>(facts.assigned_bytes));
  m.copied_bytes->Set(static_cast<double>(facts.copied_bytes));
  m.tied_bytes->Set(static_cast<double>(facts.tied_bytes));
}

void Metrics::RemoveModel(const std::string& name) {
  MutexLock lock(&mutex_);
  const auto found = models_.find(name);
  if (found == models_.end()) return;
  const ModelMetrics& m = found->second;
  Families& f = *families_;
  f.time_to_first_token.Remove(m.time_to_first_token);
  f.inter_token_latency.Remove(m.inter_token_latency);
  f.queue.Remove(m.queue);
  f.prompt_tokens.Remove(m.prompt_tokens);
  f.generated_tokens.Remove(m.generated_tokens);
  f.sequences.Remove(m.running);
  f.sequences.Remove(m.waiting);
  f.load_seconds.Remove(m.load_seconds);
  f.weight_bytes.Remove(m.assigned_bytes);
  f.weight_bytes.Remove(m.copied_bytes);
  f.weight_bytes.Remove(m.tied_bytes);
  models_.erase(found);
}

ModelMetrics Metrics::ForModel(const std::string& name) const {
  MutexLock lock(&mutex_);
  const auto found = models_.find(name);
  return found == models_.end() ? ModelMetrics() : found->second;
}

void Metrics::CountRequest(absl::string_view method, absl::StatusCode code) {
  families_->requests.Add({{"method", std::string(method)}, {"code", std::string(CodeName(code))}})
      .Increment();
}

std::string Metrics::Render() {
  if (reader_) {
    const Reading reading = reader_();
    kv_cache_used_->Set(static_cast<double>(reading.kv_cache_used_bytes));
    kv_cache_capacity_->Set(static_cast<double>(reading.kv_cache_capacity_bytes));
    MutexLock lock(&mutex_);
    for (const auto& [name, m] : models_) {
      const auto found = reading.sequences.find(name);
      const Reading::Sequences sequences =
          found == reading.sequences.end() ? Reading::Sequences() : found->second;
      m.running->Set(static_cast<double>(sequences.running));
      m.waiting->Set(static_cast<double>(sequences.waiting));
    }
  }
  return prometheus::TextSerializer().Serialize(registry_->Collect());
}

}  // namespace firstlight
