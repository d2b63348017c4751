#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "client/commands.h"
#include "client/session.h"
#include "engine/architectures/architecture.h"

namespace firstlight {
namespace {

void PrintArchitectures(bool json) {
  for (const Architecture& architecture : Architectures()) {
    const std::string name(architecture.name);
    const std::string golden(architecture.golden);
    std::printf(json ? "{\"class\":\"%s\",\"golden\":\"%s\"}\n" : "%s %s\n", name.c_str(),
                golden.c_str());
  }
}

}  // namespace

void AddArchitecturesCommand(CLI::App& app, const CommonOptions& common, int* exit_code) {
  CLI::App* command = app.add_subcommand(
      "architectures",
      "The classes of models that are implemented, each with the golden that proves it; no daemon");
  command->callback([&common, exit_code] {
    PrintArchitectures(common.json);
    *exit_code = kExitDone;
  });
}

}  // namespace firstlight
