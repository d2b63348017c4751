#include "server/metric_families.h"

namespace firstlight {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Registry;

Family<Counter>& NewCounter(Registry* registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(*registry);
}

Family<Gauge>& NewGauge(Registry* registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(*registry);
}

Family<Histogram>& NewHistogram(Registry* registry, const char* name, const char* help) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(*registry);
}

}  // namespace

const Histogram::BucketBoundaries& LatencyBuckets() {
  static const auto& buckets = *new Histogram::BucketBoundaries{
      0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
      1,      2.5,   5,      10,    30,   60,    120,  300, 600};
  return buckets;
}

MetricFamilies::MetricFamilies(Registry* registry)
    : requests(NewCounter(registry, "firstlight_requests_total",
                          "RPCs that have ended, by method and canonical status code.")),
      time_to_first_token(
          NewHistogram(registry, "firstlight_time_to_first_token_seconds",
                       "From the arrival of a Generate request to its first token.")),
      inter_token_latency(
          NewHistogram(registry, "firstlight_inter_token_latency_seconds",
                       "Between two tokens of a sequence, except where its client did not read.")),
      queue(NewHistogram(
          registry, "firstlight_queue_seconds",
          "From the arrival of a Generate request to its first step, tokenization included.")),
      prompt_tokens(NewCounter(registry, "firstlight_prompt_tokens_total",
                               "Tokens of prompts that were admitted.")),
      generated_tokens(
          NewCounter(registry, "firstlight_generated_tokens_total", "Tokens generated.")),
      sequences(NewGauge(registry, "firstlight_sequences",
                         "Sequences now, by state: running, or waiting for the tokenizer, a place "
                         "or cache blocks.")),
      sequences_limit(NewGauge(registry, "firstlight_sequences_limit",
                               "Sequences that may run (--max-sequences) and wait (--max-queue) at "
                               "once, all models together; a request past both is refused.")),
      kv_cache_used(NewGauge(registry, "firstlight_kv_cache_used_bytes",
                             "KV cache blocks that sequences hold.")),
      kv_cache_capacity(NewGauge(registry, "firstlight_kv_cache_capacity_bytes",
                                 "Bound of the KV cache of all models together.")),
      serving(NewGauge(registry, "firstlight_model_serving",
                       "1 while requests for the name are served, 0 while it loads or when it has "
                       "failed.")),
      load_seconds(NewGauge(registry, "firstlight_model_load_seconds",
                            "How long the load of the current version took until it served.")),
      load_duration(NewHistogram(registry, "firstlight_load_duration_seconds",
                                 "Of every load that succeeded, those of swaps included: from its "
                                 "start until the version could serve.")),
      drain_duration(NewHistogram(registry, "firstlight_drain_duration_seconds",
                                  "From a version's turning DRAINING until it was unmapped.")),
      weight_bytes(NewGauge(registry, "firstlight_weight_bytes",
                            "Weights of the current version: assigned (mapped, used in place), "
                            "copied, or tied to another.")),
      build_info(NewGauge(registry, "firstlight_build_info", "1, with what runs as labels.")) {}

ModelSeries::ModelSeries(const MetricFamilies& families, const std::string& name) : name_(name) {
  const MetricFamilies& f = families;
  ModelMetrics& m = metrics_;
  m.time_to_first_token = Add(f.time_to_first_token, {}, LatencyBuckets());
  m.inter_token_latency = Add(f.inter_token_latency, {}, LatencyBuckets());
  m.queue = Add(f.queue, {}, LatencyBuckets());
  m.prompt_tokens = Add(f.prompt_tokens, {});
  m.generated_tokens = Add(f.generated_tokens, {});
  m.running = Add(f.sequences, {{"state", "running"}});
  m.waiting = Add(f.sequences, {{"state", "waiting"}});
  m.serving = Add(f.serving, {});
  m.load_seconds = Add(f.load_seconds, {});
  m.assigned_bytes = Add(f.weight_bytes, {{"disposition", "assigned"}});
  m.copied_bytes = Add(f.weight_bytes, {{"disposition", "copied"}});
  m.tied_bytes = Add(f.weight_bytes, {{"disposition", "tied"}});
}

ModelSeries::~ModelSeries() {
  for (const std::function<void()>& remove : removals_) remove();
}

}  // namespace firstlight
