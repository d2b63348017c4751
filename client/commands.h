#ifndef FIRSTLIGHT_CLIENT_COMMANDS_H_
#define FIRSTLIGHT_CLIENT_COMMANDS_H_

// The commands of `firstlight`, one file each. Each function adds its command, with its options
// and help, to `app`; when the command line chooses it, `*exit_code` is set. `common` and
// `exit_code` outlive the app.

#include "client/session.h"

namespace CLI {
class App;
}  // namespace CLI

namespace firstlight {

void AddArchitecturesCommand(CLI::App& app, const CommonOptions& common, int* exit_code);
void AddGenerateCommand(CLI::App& app, const CommonOptions& common, int* exit_code);
void AddChatCommand(CLI::App& app, const CommonOptions& common, int* exit_code);
void AddRenderChatCommand(CLI::App& app, const CommonOptions& common, int* exit_code);
void AddTokenizeCommands(CLI::App& app, const CommonOptions& common, int* exit_code);
void AddModelsCommand(CLI::App& app, const CommonOptions& common, int* exit_code);
void AddHealthCommand(CLI::App& app, const CommonOptions& common, int* exit_code);
void AddInspectCommand(CLI::App& app, const CommonOptions& common, int* exit_code);
void AddCompileTokenizerCommand(CLI::App& app, const CommonOptions& common, int* exit_code);
void AddSynthesizeCommand(CLI::App& app, int* exit_code);

}  // namespace firstlight

#endif  // FIRSTLIGHT_CLIENT_COMMANDS_H_
