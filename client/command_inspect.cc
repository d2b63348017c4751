#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/commands.h"
#include "client/session.h"
#include "engine/decoder/weights.h"
#include "engine/generation_config.h"
#include "engine/model_config.h"
#include "loader/base/status_macros.h"
#include "loader/base/utf8.h"
#include "loader/checkpoint.h"
#include "loader/load_report.h"

namespace firstlight {
namespace {

std::string Describe(const Checkpoint& checkpoint, const ModelConfig& config) {
  const DecoderSpec& spec = config.spec;
  return absl::StrFormat(
      "%s\n%s, context %d tokens, vocabulary %d\n"
      "%d layers, hidden %d, intermediate %d, %d heads (%d for keys and values) of %d\n"
      "%d weight files, %.3f GB\n\n",
      EscapeControls(checkpoint.directory()), config.architecture, config.context_length,
      spec.vocab_size, spec.num_hidden_layers, spec.hidden_size, spec.intermediate_size,
      spec.num_attention_heads, spec.num_key_value_heads, spec.head_dim, checkpoint.files().size(),
      static_cast<double>(checkpoint.tensor_bytes()) / 1e9);
}

// What the daemon would serve without, on standard error: a warning, not part of the report.
absl::Status WarnOfGenerationConfig(const Checkpoint& checkpoint) {
  if (!checkpoint.HasFile(kGenerationConfigFile)) return absl::OkStatus();
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      const std::string json,
      checkpoint.ReadFile(kGenerationConfigFile, kMaxGenerationConfigBytes));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const GenerationConfig config,
                              ParseGenerationConfig(json, kGenerationConfigFile));
  if (config.ignored_fields.empty()) return absl::OkStatus();
  std::fprintf(stderr,
               "warning: generation_config.json: not implemented, and ignored: %s; transformers "
               "would generate something else\n",
               absl::StrJoin(config.ignored_fields, ", ").c_str());
  return absl::OkStatus();
}

// Prints as much as is known before the first error.
absl::Status Inspect(const std::string& directory, bool json) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::unique_ptr<const Checkpoint> checkpoint,
                              Checkpoint::Open(directory));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const ModelConfig config, ParseModelConfig(checkpoint->config()));
  if (!json) std::fputs(Describe(*checkpoint, config).c_str(), stdout);
  LoadReport report;
  const auto weights = BindWeights(config.spec, *checkpoint, BindOptions{}, &report);
  std::fputs(json ? (report.ToJson() + "\n").c_str() : report.ToText().c_str(), stdout);
  FIRSTLIGHT_RETURN_IF_ERROR(weights.status());
  return WarnOfGenerationConfig(*checkpoint);
}

}  // namespace

void AddInspectCommand(CLI::App& app, const CommonOptions& common, int* exit_code) {
  CLI::App* command = app.add_subcommand(
      "inspect", "What a checkpoint holds and how it would be loaded; no daemon");
  auto directory = std::make_shared<std::string>();
  command->add_option("directory", *directory, "A model directory or a Hugging Face cache folder")
      ->required();
  command->callback([directory, &common, exit_code] {
    const absl::Status status = Inspect(*directory, common.json);
    *exit_code = status.ok() ? kExitDone : ReportFailure(status);
  });
}

}  // namespace firstlight
