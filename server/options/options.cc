#include "server/options/options.h"

#include <CLI/CLI.hpp>
#include <fstream>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "loader/base/status_macros.h"
#include "server/base/build_info.h"
#include "server/options/option_table.h"

namespace firstlight {
namespace {

// Texts given for options by one source, by option name.
using Texts = std::map<std::string, std::vector<std::string>>;

std::string EnvironmentName(const std::string& option) {
  return absl::StrCat("FIRSTLIGHT_",
                      absl::AsciiStrToUpper(absl::StrReplaceAll(option, {{"-", "_"}})));
}

std::string HelpText() {
  std::string help =
      "firstlightd serves language models on CPUs over gRPC, from mapped weights.\n\n"
      "usage: firstlightd [OPTION...]\n\n"
      "  firstlightd --model tiny=models/demo        serve the bundled demo model\n"
      "  firstlight generate \"Blue is my favorite\"   ask it, from another shell\n\n"
      "options (environment: FIRSTLIGHT_MAX_QUEUE for --max-queue, and so on; TOML file: "
      "max-queue = 256;\na flag comes before the environment, that before the file):\n";
  for (const OptionDefinition& option : OptionTable()) {
    absl::StrAppend(&help, "  --", option.name, option.value_name.empty() ? "" : " ",
                    option.value_name, "\n      ", option.help);
    if (!option.value_name.empty()) {
      absl::StrAppend(&help, "\n      default: ", option.default_text);
    }
    absl::StrAppend(&help, "\n");
  }
  absl::StrAppend(&help,
                  "  --config FILE\n      Read options from a TOML file.\n"
                  "  --help\n      Print this and exit.\n"
                  "  --version\n      Print the version and exit.\n\n"
                  "exit codes: 0 stopped as asked, 1 nothing could be served, 2 bad options\n");
  return help;
}

struct Flags {
  Texts texts;
  std::string config;
  bool help = false;
  bool version = false;
};

absl::StatusOr<Flags> ReadFlags(const std::vector<std::string>& arguments) {
  Flags flags;
  std::map<std::string, bool> switches;
  try {
    CLI::App app("firstlightd");
    app.set_help_flag();
    app.add_flag("--help,-h", flags.help);
    app.add_flag("--version", flags.version);
    app.add_option("--config", flags.config);
    for (const OptionDefinition& option : OptionTable()) {
      const std::string flag = absl::StrCat("--", option.name);
      if (option.value_name.empty()) {
        app.add_flag(flag, switches[option.name]);
      } else {
        CLI::Option* added = app.add_option(flag, flags.texts[option.name]);
        added->expected(1)->multi_option_policy(option.repeatable ? CLI::MultiOptionPolicy::TakeAll
                                                                  : CLI::MultiOptionPolicy::Throw);
      }
    }
    // CLI11 takes its arguments last first.
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    for (const auto& [name, value] : switches) {
      const CLI::Option* option = app.get_option(absl::StrCat("--", name));
      if (option->count() > 0) flags.texts[name] = {value ? "true" : "false"};
    }
  } catch (const CLI::Error& error) {
    return absl::InvalidArgumentError(error.what());
  }
  std::erase_if(flags.texts, [](const auto& entry) { return entry.second.empty(); });
  return flags;
}

absl::StatusOr<Texts> ReadConfigFile(const std::string& path) {
  std::ifstream file(path);
  if (!file) return absl::NotFoundError(absl::StrCat("--config ", path, ": cannot be read"));
  std::vector<CLI::ConfigItem> items;
  try {
    items = CLI::ConfigTOML().from_config(file);
  } catch (const CLI::Error& error) {
    return absl::InvalidArgumentError(absl::StrCat("--config ", path, ": ", error.what()));
  }
  Texts texts;
  for (const CLI::ConfigItem& item : items) {
    if (item.name == "++" || item.name == "--") continue;  // CLI11's marks of a section
    bool known = false;
    for (const OptionDefinition& option : OptionTable()) {
      known = known || (item.parents.empty() && option.name == item.name);
    }
    if (!known) {
      return absl::InvalidArgumentError(
          absl::StrCat("--config ", path, ": expected an option of firstlightd, found \"",
                       item.fullname(), "\""));
    }
    if (!texts.emplace(item.name, item.inputs).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("--config ", path, ": \"", item.name, "\" is given twice"));
    }
  }
  return texts;
}

std::vector<std::string> EnvironmentTexts(const OptionDefinition& option, const char* value) {
  if (!option.repeatable) return {value};
  return absl::StrSplit(value, ';', absl::SkipEmpty());
}

}  // namespace

absl::StatusOr<ParsedCommandLine> ParseOptions(const std::vector<std::string>& arguments,
                                               const Environment& environment) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const Flags flags, ReadFlags(arguments));
  ParsedCommandLine parsed;
  if (flags.help) {
    parsed.print_and_exit = HelpText();
    return parsed;
  }
  if (flags.version) {
    parsed.print_and_exit =
        absl::StrCat("firstlightd ", BuildVersion(), " (", BuildRevision(), ")\n");
    return parsed;
  }
  std::string config_path = flags.config;
  if (const char* value = environment("FIRSTLIGHT_CONFIG");
      config_path.empty() && value != nullptr) {
    config_path = value;
  }
  Texts file_texts;
  if (!config_path.empty()) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(file_texts, ReadConfigFile(config_path));
  }
  for (const OptionDefinition& option : OptionTable()) {
    const std::string variable = EnvironmentName(option.name);
    const char* const value = environment(variable.c_str());
    std::vector<std::string> texts;
    std::string source;
    if (const auto flag = flags.texts.find(option.name); flag != flags.texts.end()) {
      texts = flag->second;
      source = absl::StrCat("--", option.name);
    } else if (value != nullptr) {
      texts = EnvironmentTexts(option, value);
      source = variable;
    } else if (const auto item = file_texts.find(option.name); item != file_texts.end()) {
      texts = item->second;
      source = absl::StrCat(config_path, ": ", option.name);
    }
    if (texts.size() > 1 && !option.repeatable) {
      return absl::InvalidArgumentError(
          absl::StrCat(source, ": expected one value, found ", texts.size()));
    }
    for (const std::string& text : texts) {
      const absl::Status status = option.set(text, &parsed.options);
      if (!status.ok()) {
        return absl::InvalidArgumentError(absl::StrCat(source, ": ", status.message()));
      }
    }
  }
  return parsed;
}

}  // namespace firstlight
