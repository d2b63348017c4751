#ifndef FIRSTLIGHT_SERVER_OPTIONS_OPTION_TABLE_H_
#define FIRSTLIGHT_SERVER_OPTIONS_OPTION_TABLE_H_

// Every option of firstlightd, once: its name, help and what its text sets. The command line, the
// environment, the config file, --help and docs/operations.md all follow this table.

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/options/options.h"

namespace firstlight {

struct OptionDefinition {
  std::string name;          // without dashes: "max-queue"
  std::string value_name;    // "N"; empty for a switch
  std::string default_text;  // as --help shows it
  std::string help;          // one or two sentences
  bool repeatable = false;
  // Parses one text into the options; called once for each entry of a repeatable option.
  std::function<absl::Status(const std::string& text, ServerOptions* options)> set;
};

const std::vector<OptionDefinition>& OptionTable();

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_OPTIONS_OPTION_TABLE_H_
