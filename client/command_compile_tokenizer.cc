#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>

#include "client/commands.h"
#include "client/session.h"
#include "engine/tokenizer/cache/tokenizer_cache.h"
#include "loader/base/status_macros.h"
#include "loader/hub_cache.h"
#include "loader/json_writer.h"

namespace firstlight {
namespace {

struct Compiled {
  std::string image;
  uint64_t image_bytes = 0;
  int64_t vocab_size = 0;
  bool was_there = false;
};

absl::StatusOr<Compiled> Compile(const std::string& directory, const std::string& cache_directory) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string resolved, ResolveModelDirectory(directory));
  TokenizerCache::Opened opened;
  TokenizerCache cache(
      {.directory = cache_directory,
       .on_opened = [&opened](const TokenizerCache::Opened& how) { opened = how; }});
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::shared_ptr<const Tokenizer> tokenizer,
                              cache.Open(resolved));
  if (!opened.has_image) return opened.image_status;
  std::error_code error;
  return Compiled{.image = opened.image_path,
                  .image_bytes = std::filesystem::file_size(opened.image_path, error),
                  .vocab_size = tokenizer->vocab_size(),
                  .was_there = opened.origin == TokenizerCache::Origin::kImage};
}

}  // namespace

void AddCompileTokenizerCommand(CLI::App& app, const CommonOptions& common, int* exit_code) {
  CLI::App* command = app.add_subcommand(
      "compile-tokenizer",
      "Make the image of a checkpoint's tokenizer that firstlightd maps at start; no daemon");
  auto directory = std::make_shared<std::string>();
  auto cache_directory = std::make_shared<std::string>(DefaultCacheDirectory());
  command->add_option("directory", *directory, "A model directory or a Hugging Face cache folder")
      ->required();
  command
      ->add_option("--cache-dir", *cache_directory,
                   "Where to keep it: what firstlightd has as --cache-dir")
      ->envname("FIRSTLIGHT_CACHE_DIR")
      ->capture_default_str();
  command->callback([directory, cache_directory, &common, exit_code] {
    if (cache_directory->empty() || *cache_directory == "none") {
      std::fprintf(stderr, "firstlight: compile-tokenizer needs a --cache-dir to write to\n");
      *exit_code = kExitUsage;
      return;
    }
    const absl::StatusOr<Compiled> compiled = Compile(*directory, *cache_directory);
    if (!compiled.ok()) {
      *exit_code = ReportFailure(compiled.status());
      return;
    }
    *exit_code = kExitDone;
    if (common.json) {
      std::printf("{\"image\":%s,\"bytes\":%llu,\"tokens\":%d,\"was_there\":%s}\n",
                  JsonString(compiled->image).c_str(),
                  static_cast<unsigned long long>(compiled->image_bytes),
                  static_cast<int>(compiled->vocab_size), compiled->was_there ? "true" : "false");
      return;
    }
    std::printf("%s: %d tokens, %.1f MB%s\n", compiled->image.c_str(),
                static_cast<int>(compiled->vocab_size),
                static_cast<double>(compiled->image_bytes) / 1e6,
                compiled->was_there ? ", was there already" : "");
  });
}

}  // namespace firstlight
