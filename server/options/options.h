#ifndef FIRSTLIGHT_SERVER_OPTIONS_OPTIONS_H_
#define FIRSTLIGHT_SERVER_OPTIONS_OPTIONS_H_

// The options of firstlightd.
//
// Each has a flag (--max-queue), an environment variable (FIRSTLIGHT_MAX_QUEUE) and a key in the
// --config file (max-queue = 256, TOML). The first of flag, environment, file, default that names
// an option decides it whole; repeatable options are not merged across them. In the environment,
// entries of a repeatable option are separated by ';', in the file they are an array.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/residency/prefetch_policy.h"
#include "server/base/log.h"
#include "server/options/option_values.h"

namespace firstlight {

struct ServerOptions {
  std::vector<ModelArgument> models;
  std::string listen = "127.0.0.1:50051";
  std::string admin_listen = "127.0.0.1:50052";
  std::string metrics_listen = "127.0.0.1:9464";
  std::vector<std::string> model_roots;  // empty: the parents of the models' directories
  int64_t threads = 0;                   // 0: allowed physical cores
  std::optional<int64_t> context_length;
  // Of what can be made again; empty: nothing is kept. Not given: DefaultCacheDirectory().
  std::optional<std::string> cache_dir;
  int64_t max_sequences = 64;
  int64_t max_queue = 256;
  int64_t kv_cache_bytes = 0;  // 0: DefaultKvCacheBytes()
  int64_t default_max_tokens = 256;
  PrefetchPolicy prefetch = PrefetchPolicy::kOnRequest;
  int64_t pin_limit_bytes = 0;
  // A model of the command line and one that is loaded is ACTIVE only once its weights are fetched.
  bool ready_when_warm = false;
  std::string isa = "auto";  // or "avx2", "avx512"
  absl::Duration drain_timeout = absl::Seconds(30);
  absl::Duration idle_park = absl::InfiniteDuration();  // never
  // Between NOT_SERVING and the first refusal, so that load balancers can look.
  absl::Duration drain_delay = absl::Seconds(1);
  LogFormat log_format = LogFormat::kText;
  LogLevel log_level = LogLevel::kInfo;
  bool log_prompts = false;
  bool check_config = false;
};

// What a command line asks for: to run with options, or to print a text and stop (--help,
// --version).
struct ParsedCommandLine {
  ServerOptions options;
  std::optional<std::string> print_and_exit;
};

// Looks up an environment variable; nullptr where there is none.
using Environment = std::function<const char*(const char*)>;

// INVALID_ARGUMENT, naming the option, where it was given, what was expected and what was found.
// Reads the --config file and nothing else; no directory is looked at.
absl::StatusOr<ParsedCommandLine> ParseOptions(const std::vector<std::string>& arguments,
                                               const Environment& environment);

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_OPTIONS_OPTIONS_H_
