#include "server/options/option_table.h"

#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "loader/base/status_macros.h"

namespace firstlight {
namespace {

using Setter = std::function<absl::Status(const std::string&, ServerOptions*)>;

Setter Integer(int64_t ServerOptions::* field, int64_t low, int64_t high) {
  return [=](const std::string& text, ServerOptions* options) -> absl::Status {
    FIRSTLIGHT_ASSIGN_OR_RETURN(options->*field, ParseInteger(text, low, high));
    return absl::OkStatus();
  };
}

Setter Address(std::string ServerOptions::* field, bool allow_unix) {
  return [=](const std::string& text, ServerOptions* options) -> absl::Status {
    FIRSTLIGHT_ASSIGN_OR_RETURN(options->*field, ParseAddress(text, allow_unix));
    return absl::OkStatus();
  };
}

Setter Duration(absl::Duration ServerOptions::* field) {
  return [=](const std::string& text, ServerOptions* options) -> absl::Status {
    FIRSTLIGHT_ASSIGN_OR_RETURN(options->*field, ParseDuration(text));
    return absl::OkStatus();
  };
}

Setter Switch(bool ServerOptions::* field) {
  return [=](const std::string& text, ServerOptions* options) -> absl::Status {
    FIRSTLIGHT_ASSIGN_OR_RETURN(options->*field, ParseBool(text));
    return absl::OkStatus();
  };
}

// values[i] is what words[i] stands for.
template <typename T>
Setter Choice(T ServerOptions::* field, std::vector<std::string> words, std::vector<T> values) {
  return [=](const std::string& text, ServerOptions* options) -> absl::Status {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const size_t index, ParseChoice(text, words));
    options->*field = values[index];
    return absl::OkStatus();
  };
}

absl::Status AddModel(const std::string& text, ServerOptions* options) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(ModelArgument model, ParseModelArgument(text));
  for (const ModelArgument& other : options->models) {
    if (other.name == model.name) {
      return absl::InvalidArgumentError(absl::StrCat("expected each name once, found \"",
                                                     model.name, "\" for ", other.directory,
                                                     " and for ", model.directory));
    }
  }
  options->models.push_back(std::move(model));
  return absl::OkStatus();
}

absl::Status AddModelRoot(const std::string& text, ServerOptions* options) {
  if (text.empty()) return absl::InvalidArgumentError("expected a directory, found \"\"");
  options->model_roots.push_back(text);
  return absl::OkStatus();
}

absl::Status SetCacheDir(const std::string& text, ServerOptions* options) {
  options->cache_dir = text == "none" ? "" : text;
  return absl::OkStatus();
}

absl::Status SetContextLength(const std::string& text, ServerOptions* options) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(options->context_length,
                              ParseInteger(text, 1, std::numeric_limits<int32_t>::max()));
  return absl::OkStatus();
}

absl::Status SetKvCacheBytes(const std::string& text, ServerOptions* options) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(options->kv_cache_bytes, ParseBytes(text));
  if (options->kv_cache_bytes > 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("expected at least 1 byte, found \"", text, "\""));
}

absl::Status SetIdlePark(const std::string& text, ServerOptions* options) {
  options->idle_park = absl::InfiniteDuration();
  if (text == "never") return absl::OkStatus();
  FIRSTLIGHT_ASSIGN_OR_RETURN(options->idle_park, ParseDuration(text));
  if (options->idle_park > absl::ZeroDuration()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("expected \"never\" or more than 0s, found \"", text, "\""));
}

absl::Status SetPrefetch(const std::string& text, ServerOptions* options) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(options->prefetch, ParsePrefetchPolicy(text));
  return absl::OkStatus();
}

absl::Status SetPinLimit(const std::string& text, ServerOptions* options) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(options->pin_limit_bytes, ParseBytes(text));
  return absl::OkStatus();
}

absl::Status CheckPrecision(const std::string& text, ServerOptions*) {
  return ParseChoice(text, {"exact"}).status();
}

std::vector<OptionDefinition> MakeTable() {
  return {
      {"model", "NAME=DIR", "none: starts empty",
       "Serve the checkpoint in DIR as NAME. DIR is a model directory or a Hugging Face cache "
       "folder (models--ORG--NAME). NAME=DIR,prefetch=POLICY overrides --prefetch. Repeatable.",
       true, AddModel},
      {"listen", "ADDRESS", "127.0.0.1:50051",
       "Where clients call: HOST:PORT or unix:PATH. Port 0 takes a free one.", false,
       Address(&ServerOptions::listen, true)},
      {"admin-listen", "ADDRESS", "127.0.0.1:50052",
       "Where models are loaded, swapped and unloaded: HOST:PORT or unix:PATH. Keep it private.",
       false, Address(&ServerOptions::admin_listen, true)},
      {"metrics-listen", "ADDRESS", "127.0.0.1:9464",
       "HTTP for /metrics (Prometheus) and /healthz: HOST:PORT.", false,
       Address(&ServerOptions::metrics_listen, false)},
      {"model-root", "DIR", "the parents of the --model directories",
       "The admin service loads only from below DIR. Repeatable.", true, AddModelRoot},
      {"cache-dir", "DIR|none", "$XDG_CACHE_HOME/firstlight, else ~/.cache/firstlight",
       "Keep compiled tokenizers in DIR, so that the next start maps instead of parsing them. Not "
       "used where it cannot be written; none, or empty, keeps nothing.",
       false, SetCacheDir},
      {"threads", "N", "allowed physical cores",
       "Worker threads, shared by all models. 0 is the default.", false,
       Integer(&ServerOptions::threads, 0, 1024)},
      {"context-length", "TOKENS", "the model's",
       "Tokens that a sequence may have, prompt and answer together.", false, SetContextLength},
      {"max-sequences", "N", "64", "Sequences that run at once, all models together.", false,
       Integer(&ServerOptions::max_sequences, 1, 65536)},
      {"max-queue", "N", "256",
       "Requests that wait, all models together; past it they get RESOURCE_EXHAUSTED.", false,
       Integer(&ServerOptions::max_queue, 1, 1 << 20)},
      {"kv-cache-bytes", "SIZE", "a quarter of the memory allowed",
       "Bound of the KV cache, shared by all models and touched only when used, such as 8GiB.",
       false, SetKvCacheBytes},
      {"default-max-tokens", "N", "256", "Tokens to generate when a request names no max_tokens.",
       false, Integer(&ServerOptions::default_max_tokens, 1, std::numeric_limits<int32_t>::max())},
      {"prefetch", "on_request|background|pinned|none", "on_request",
       "Who reads weights that are not in memory: ahead of the first pass that needs them; the "
       "same "
       "and from when a model serves; the same and locked in memory; nobody, so that compute waits "
       "in page faults.",
       false, SetPrefetch},
      {"pin-limit", "SIZE", "0: nothing is pinned",
       "Most bytes of weights that --prefetch pinned may lock in memory, all models together.",
       false, SetPinLimit},
      {"ready", "mapped|warm", "mapped",
       "When a model is ready: when it is mapped, or when its weights are in memory.", false,
       Choice<bool>(&ServerOptions::ready_when_warm, {"mapped", "warm"}, {false, true})},
      {"precision", "exact", "exact", "Activations and KV cache in float32.", false,
       CheckPrecision},
      {"isa", "auto|avx2|avx512", "auto",
       "Instructions of the kernels: the widest that the machine has, or the one named.", false,
       Choice<std::string>(&ServerOptions::isa, {"auto", "avx2", "avx512"},
                           {"auto", "avx2", "avx512"})},
      {"drain-timeout", "DURATION", "30s",
       "After SIGTERM, and for an unloaded model: how long streams may go on.", false,
       Duration(&ServerOptions::drain_timeout)},
      {"drain-delay", "DURATION", "1s",
       "After SIGTERM: how long to report NOT_SERVING before new requests are refused.", false,
       Duration(&ServerOptions::drain_delay)},
      {"idle-park", "DURATION", "never",
       "Give back the memory of a model that no request has used for so long. It stays ready.",
       false, SetIdlePark},
      {"log-format", "text|json", "text", "One line an event, on standard error.", false,
       Choice<LogFormat>(&ServerOptions::log_format, {"text", "json"},
                         {LogFormat::kText, LogFormat::kJson})},
      {"log-level", "debug|info|warning|error", "info", "The least level that is logged.", false,
       Choice<LogLevel>(&ServerOptions::log_level, {"debug", "info", "warning", "error"},
                        {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError})},
      {"log-prompts", "", "false", "Log the text of prompts, which is otherwise never logged.",
       false, Switch(&ServerOptions::log_prompts)},
      {"check-config", "", "false",
       "Read the options, load every model as far as serving needs, say what is wrong, and exit.",
       false, Switch(&ServerOptions::check_config)},
  };
}

}  // namespace

const std::vector<OptionDefinition>& OptionTable() {
  static const auto& table = *new std::vector<OptionDefinition>(MakeTable());
  return table;
}

}  // namespace firstlight
