// The command-line client of firstlightd.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "client/commands.h"
#include "client/session.h"

namespace {

int Run(int argc, char** argv) {
  CLI::App app{
      "Talks to firstlightd, the model server that is ready before it has read anything.\n"
      "\n"
      "  firstlight generate \"Blue is my favorite color. What is my favorite color?\"\n"
      "  firstlight chat\n"
      "  firstlight models\n"
      "  firstlight inspect ./Llama-3.2-1B",
      "firstlight"};
  firstlight::CommonOptions common;
  app.add_option("--address", common.address, "Generation service: HOST:PORT or unix:PATH")
      ->envname("FIRSTLIGHT_ADDRESS")
      ->capture_default_str();
  app.add_option("--admin-address", common.admin_address, "Admin service: HOST:PORT or unix:PATH")
      ->envname("FIRSTLIGHT_ADMIN_ADDRESS")
      ->capture_default_str();
  app.add_flag("--json", common.json, "Print one response message a line, as JSON");
  app.require_subcommand(1);
  app.fallthrough();

  int exit_code = firstlight::kExitDone;
  firstlight::AddGenerateCommand(app, common, &exit_code);
  firstlight::AddChatCommand(app, common, &exit_code);
  firstlight::AddRenderChatCommand(app, common, &exit_code);
  firstlight::AddTokenizeCommands(app, common, &exit_code);
  firstlight::AddModelsCommand(app, common, &exit_code);
  firstlight::AddHealthCommand(app, common, &exit_code);
  firstlight::AddInspectCommand(app, common, &exit_code);
  firstlight::AddArchitecturesCommand(app, common, &exit_code);
  firstlight::AddCompileTokenizerCommand(app, common, &exit_code);
  firstlight::AddSynthesizeCommand(app, &exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? firstlight::kExitDone : firstlight::kExitUsage;
  }
  return exit_code;
}

}  // namespace

// CLI11 and the standard library throw; nothing here does.
int main(int argc, char** argv) try {
  return Run(argc, argv);
} catch (const std::exception& error) {
  std::fprintf(stderr, "firstlight: %s\n", error.what());
  return firstlight::kExitFailed;
}
