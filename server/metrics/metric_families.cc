#include "server/metrics/metric_families.h"

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
      time_to_first_token(NewHistogram(
          registry, "firstlight_time_to_first_token_seconds",
          "From the arrival of a Generate or Chat request to its first token, by what the request "
          "paid: cold where it waited for weights from storage, mapped where they had "
          "to be mapped, warm otherwise.")),
      inter_token_latency(NewHistogram(
          registry, "firstlight_inter_token_latency_seconds",
          "Between two tokens of a sequence, except where its client did not read, by the "
          "request's residency and by phase: first_pass where a step in between waited for a "
          "layer's weights, or for any from storage, steady otherwise.")),
      queue(NewHistogram(
          registry, "firstlight_queue_seconds",
          "From the arrival of a Generate or Chat request that got a first token to its first "
          "step, tokenization included, by what it paid after that.")),
      prompt_tokens(NewCounter(registry, "firstlight_prompt_tokens_total",
                               "Tokens of prompts that were admitted.")),
      generated_tokens(
          NewCounter(registry, "firstlight_generated_tokens_total", "Tokens generated.")),
      steady_generated_tokens(
          NewCounter(registry, "firstlight_steady_generated_tokens_total",
                     "Tokens of sequences that decoded in steady steps: those that decoded and "
                     "waited for nothing.")),
      steady_decode_seconds(NewCounter(registry, "firstlight_steady_decode_seconds_total",
                                       "Time of steady steps. Tokens by time is the throughput "
                                       "of a model while nothing of it is cold.")),
      sequences(NewGauge(registry, "firstlight_sequences",
                         "Sequences now, by state: running, or waiting for the tokenizer, a place "
                         "or cache blocks.")),
      sequences_limit(NewGauge(registry, "firstlight_sequences_limit",
                               "Sequences that may run (--max-sequences) and wait (--max-queue) at "
                               "once, all models together; a request past both is refused.")),
      kv_cache_used(
          NewGauge(registry, "firstlight_kv_cache_used_bytes",
                   "KV cache blocks, and states of recurrent layers, that sequences hold.")),
      kv_cache_capacity(NewGauge(registry, "firstlight_kv_cache_capacity_bytes",
                                 "Bound of the KV cache of all models together.")),
      step_gap(NewHistogram(registry, "firstlight_step_gap_seconds",
                            "Between the end of a step and the start of the next, with work "
                            "waiting.")),
      longest_step_gap(NewGauge(registry, "firstlight_longest_step_gap_seconds",
                                "The longest gap between two steps within the last minute or "
                                "two.")),
      serving(NewGauge(registry, "firstlight_model_serving",
                       "1 while requests for the name are served, 0 while it loads or when it has "
                       "failed.")),
      detached(NewGauge(registry, "firstlight_model_detached",
                        "1 while the current version serves from files that were renamed over, "
                        "deleted or unmounted.")),
      load_seconds(NewGauge(registry, "firstlight_model_load_seconds",
                            "How long the load of the current version took until it served.")),
      load_duration(NewHistogram(registry, "firstlight_load_duration_seconds",
                                 "Of every load that succeeded, those of swaps included: from its "
                                 "start until the version could serve.")),
      swaps(NewCounter(registry, "firstlight_swaps_total",
                       "Swaps that have ended, by result: switched, rolled_back to the version "
                       "before; failed or cancelled, where the old version serves on.")),
      swap_duration(NewHistogram(registry, "firstlight_swap_duration_seconds",
                                 "Of every swap that switched: from its start until the name "
                                 "pointed at the new version.")),
      drain_duration(NewHistogram(registry, "firstlight_drain_duration_seconds",
                                  "From a version's turning DRAINING until it was unmapped.")),
      last_used(NewGauge(registry, "firstlight_model_last_used_timestamp_seconds",
                         "When a request last began or ended on the model. Absent until one has.")),
      weight_bytes(NewGauge(registry, "firstlight_weight_bytes",
                            "Weights of the current version: assigned (mapped, used in place), "
                            "copied, or tied to another.")),
      weights_size(NewGauge(registry, "firstlight_weights_size_bytes",
                            "Mapped weights of the current version: what of them is in memory is "
                            "in the next two.")),
      weights_mapped(NewGauge(registry, "firstlight_weights_mapped_bytes",
                              "Weights of the current version in the page tables of the process, "
                              "from a sample. Absent where the system does not tell.")),
      weights_resident(NewGauge(registry, "firstlight_weights_resident_bytes",
                                "Weights of the current version in the page cache, from a sample. "
                                "Absent where the system does not tell this process the truth.")),
      residency_sampled(NewGauge(registry, "firstlight_residency_sample_timestamp_seconds",
                                 "When the two were sampled.")),
      weights_read(NewCounter(registry, "firstlight_weights_read_bytes_total",
                              "Bytes read from storage for weights, read-ahead included, by "
                              "whoever read them.")),
      residency_probe(NewGauge(registry, "firstlight_residency_probe_info",
                               "1, with how the process finds out what is in memory: by the means "
                               "that every model's files allow.")),
      build_info(NewGauge(registry, "firstlight_build_info", "1, with what runs as labels.")) {}

}  // namespace firstlight
