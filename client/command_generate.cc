#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "client/commands.h"
#include "client/generation_printer.h"
#include "client/input.h"
#include "client/session.h"
#include "firstlight/v1/generation.grpc.pb.h"

namespace firstlight {
namespace {

// The options of the command line, as they stand there; Request() checks the ones that CLI11
// cannot.
struct GenerateOptions {
  std::string prompt = "-";
  std::optional<std::string> prompt_token_ids;
  std::string model;
  std::string request_id;
  bool no_special_tokens = false;
  std::optional<double> temperature, top_p, min_p, typical_p;
  std::optional<double> repetition_penalty, frequency_penalty, presence_penalty;
  std::optional<int32_t> top_k, max_tokens, min_tokens, top_logprobs, num_sequences;
  std::optional<uint64_t> seed;
  std::vector<std::string> logit_bias;
  std::vector<std::string> bad_words;
  std::vector<std::string> bad_word_token_ids;
  std::string allowed_token_ids;
  std::vector<std::string> stop_sequences;
  std::string stop_token_ids;
  bool include_stop_sequence = false;
  bool ignore_eos = false;
  std::optional<double> time_limit;  // seconds
  std::optional<double> timeout;     // seconds
  bool logprobs = false;
  bool prompt_logprobs = false;
  bool token_ids = false;
  bool echo = false;
};

void AddSamplingOptions(CLI::App* command, GenerateOptions* options) {
  const std::string group = "Sampling";
  command->add_option("--temperature", options->temperature, "0 is greedy; 1 is the model's own")
      ->group(group);
  command->add_option("--top-k", options->top_k, "Among this many; 0 is off")->group(group);
  command->add_option("--top-p", options->top_p, "Nucleus, (0, 1]; 1 is off")->group(group);
  command->add_option("--min-p", options->min_p, "[0, 1]; 0 is off")->group(group);
  command->add_option("--typical-p", options->typical_p, "(0, 1]; 1 is off")->group(group);
  command->add_option("--repetition-penalty", options->repetition_penalty, "1 is off")
      ->group(group);
  command->add_option("--frequency-penalty", options->frequency_penalty, "[-2, 2]; 0 is off")
      ->group(group);
  command->add_option("--presence-penalty", options->presence_penalty, "[-2, 2]; 0 is off")
      ->group(group);
  command->add_option("--seed", options->seed, "Same seed, same answer")->group(group);
  command->add_option("--logit-bias", options->logit_bias, "TOKEN_ID=BIAS; repeatable")
      ->group(group);
  command->add_option("--bad-word,--bad-words", options->bad_words, "Text to avoid; repeatable")
      ->allow_extra_args(false)
      ->group(group);
  command
      ->add_option("--bad-word-token-ids", options->bad_word_token_ids,
                   "1,2,3 to avoid in a row; repeatable")
      ->allow_extra_args(false)
      ->group(group);
  command->add_option("--allowed-token-ids", options->allowed_token_ids, "None but 1,2,3")
      ->group(group);
}

void AddStoppingOptions(CLI::App* command, GenerateOptions* options) {
  const std::string group = "Stopping";
  command->add_option("--max-tokens", options->max_tokens, "Tokens to generate at most")
      ->group(group);
  command->add_option("--min-tokens", options->min_tokens, "Do not stop before")->group(group);
  command->add_option("--stop,--stop-sequences", options->stop_sequences, "Text; repeatable")
      ->allow_extra_args(false)
      ->group(group);
  command->add_option("--stop-token-ids", options->stop_token_ids, "1,2,3")->group(group);
  command->add_flag("--include-stop-sequence", options->include_stop_sequence)->group(group);
  command->add_flag("--ignore-eos", options->ignore_eos, "Go on after end of sequence")
      ->group(group);
  command->add_option("--time-limit", options->time_limit, "Seconds; keeps what was generated")
      ->check(CLI::Range(0.0, kMaxSeconds))
      ->group(group);
  command->add_option("--timeout", options->timeout, "Seconds until the request fails")
      ->check(CLI::Range(0.0, kMaxSeconds))
      ->group(group);
}

void AddOutputOptions(CLI::App* command, GenerateOptions* options) {
  const std::string group = "Output";
  command->add_flag("--logprobs", options->logprobs, "Log-probability of each token, on stderr")
      ->group(group);
  command
      ->add_flag("--prompt-logprobs", options->prompt_logprobs,
                 "Log-probability of each token of the prompt, on stderr")
      ->group(group);
  command->add_option("--top-logprobs", options->top_logprobs, "Alternatives a token")
      ->group(group);
  command->add_flag("--token-ids", options->token_ids, "Print token ids in place of text")
      ->group(group);
  command->add_flag("--echo", options->echo, "Print the prompt first")->group(group);
  command->add_option("--num-sequences", options->num_sequences, "Answers to the one prompt")
      ->group(group);
}

template <typename Value, typename Setter>
void SetIf(const std::optional<Value>& value, Setter setter) {
  if (value.has_value()) setter(*value);
}

// Throws CLI::ValidationError naming `option`.
std::vector<int32_t> TokenIdsOf(const std::string& option, const std::string& text) {
  auto ids = ParseTokenIds(text);
  if (!ids.ok()) throw CLI::ValidationError(option, std::string(ids.status().message()));
  return *std::move(ids);
}

void FillSampling(const GenerateOptions& options, v1::SamplingOptions* sampling) {
  SetIf(options.temperature, [&](double value) { sampling->set_temperature(value); });
  SetIf(options.top_k, [&](int32_t value) { sampling->set_top_k(value); });
  SetIf(options.top_p, [&](double value) { sampling->set_top_p(value); });
  SetIf(options.min_p, [&](double value) { sampling->set_min_p(value); });
  SetIf(options.typical_p, [&](double value) { sampling->set_typical_p(value); });
  SetIf(options.repetition_penalty, [&](double value) { sampling->set_repetition_penalty(value); });
  SetIf(options.frequency_penalty, [&](double value) { sampling->set_frequency_penalty(value); });
  SetIf(options.presence_penalty, [&](double value) { sampling->set_presence_penalty(value); });
  SetIf(options.seed, [&](uint64_t value) { sampling->set_seed(value); });
  sampling->mutable_bad_words()->Add(options.bad_words.begin(), options.bad_words.end());
  for (const std::string& word : options.bad_word_token_ids) {
    const std::vector<int32_t> ids = TokenIdsOf("--bad-word-token-ids", word);
    sampling->add_bad_word_token_ids()->mutable_ids()->Add(ids.begin(), ids.end());
  }
  const std::vector<int32_t> allowed = TokenIdsOf("--allowed-token-ids", options.allowed_token_ids);
  sampling->mutable_allowed_token_ids()->Add(allowed.begin(), allowed.end());
}

// Throws CLI::ValidationError, which ends the process as bad usage.
v1::GenerateRequest Request(const GenerateOptions& options, bool json) {
  v1::GenerateRequest request;
  request.set_model(options.model);
  request.set_request_id(options.request_id);
  if (!options.prompt_token_ids.has_value()) {
    request.set_prompt(ReadText(options.prompt));
  } else {
    const std::vector<int32_t> ids = TokenIdsOf("--prompt-token-ids", *options.prompt_token_ids);
    request.mutable_prompt_token_ids()->mutable_ids()->Add(ids.begin(), ids.end());
  }
  if (options.no_special_tokens) request.set_add_special_tokens(false);
  FillSampling(options, request.mutable_sampling());
  for (const std::string& bias : options.logit_bias) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(bias, absl::MaxSplits('=', 1));
    int32_t id = 0;
    double value = 0;
    if (!absl::SimpleAtoi(parts.first, &id) || !absl::SimpleAtod(parts.second, &value)) {
      throw CLI::ValidationError("--logit-bias", "expected TOKEN_ID=BIAS, found \"" + bias + "\"");
    }
    (*request.mutable_sampling()->mutable_logit_bias())[id] = value;
  }
  v1::StoppingOptions* stopping = request.mutable_stopping();
  SetIf(options.max_tokens, [&](int32_t value) { stopping->set_max_tokens(value); });
  SetIf(options.min_tokens, [&](int32_t value) { stopping->set_min_tokens(value); });
  stopping->mutable_stop_sequences()->Add(options.stop_sequences.begin(),
                                          options.stop_sequences.end());
  const std::vector<int32_t> stop_ids = TokenIdsOf("--stop-token-ids", options.stop_token_ids);
  stopping->mutable_stop_token_ids()->Add(stop_ids.begin(), stop_ids.end());
  stopping->set_include_stop_sequence(options.include_stop_sequence);
  stopping->set_ignore_eos(options.ignore_eos);
  SetIf(options.time_limit,
        [&](double value) { *stopping->mutable_time_limit() = ToDuration(value); });
  v1::OutputOptions* output = request.mutable_output();
  output->set_prompt_logprobs(options.prompt_logprobs);
  output->set_logprobs(options.logprobs ||
                       (options.top_logprobs.has_value() && !options.prompt_logprobs));
  SetIf(options.top_logprobs, [&](int32_t value) { output->set_top_logprobs(value); });
  output->set_token_ids(options.token_ids || json);
  output->set_echo(options.echo);
  SetIf(options.num_sequences, [&](int32_t value) { request.set_num_sequences(value); });
  return request;
}

int Generate(const CommonOptions& common, const GenerateOptions& options) {
  const v1::GenerateRequest request = Request(options, common.json);
  grpc::ClientContext context;
  if (options.timeout.has_value()) {
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::duration_cast<std::chrono::system_clock::duration>(
                             std::chrono::duration<double>(*options.timeout)));
  }
  const InterruptGuard interrupt(&context);
  const auto stub = v1::GenerationService::NewStub(Connect(common.address));
  const auto stream = stub->Generate(&context, request);
  GenerationPrinter printer(
      {.token_ids = options.token_ids, .logprobs = request.output().logprobs()});
  v1::GenerateResponse response;
  while (stream->Read(&response)) {
    if (common.json) {
      PrintJson(response);
    } else {
      printer.Add(response);
    }
  }
  const grpc::Status status = stream->Finish();
  if (!common.json) printer.End();
  if (interrupt.interrupted()) return kExitInterrupted;
  return status.ok() ? kExitDone : ReportFailure(status, common.address);
}

}  // namespace

void AddGenerateCommand(CLI::App& app, const CommonOptions& common, int* exit_code) {
  CLI::App* command =
      app.add_subcommand("generate", "Continue a text; it streams to stdout, figures to stderr");
  auto options = std::make_shared<GenerateOptions>();
  CLI::Option* prompt =
      command->add_option("prompt", options->prompt, "The text; - or none reads standard input");
  command->add_option("--prompt-token-ids", options->prompt_token_ids, "1,2,3 in place of a text")
      ->excludes(prompt);
  command->add_option("--model", options->model, "May be left out when one model is loaded");
  command->add_option("--request-id", options->request_id, "Shows up in the daemon's log");
  command->add_flag("--no-special-tokens,!--add-special-tokens", options->no_special_tokens,
                    "Do not add what the model expects around a text");
  AddSamplingOptions(command, options.get());
  AddStoppingOptions(command, options.get());
  AddOutputOptions(command, options.get());
  command->callback([options, &common, exit_code] { *exit_code = Generate(common, *options); });
}

}  // namespace firstlight
