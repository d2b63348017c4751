#ifndef FIRSTLIGHT_SERVER_OPTIONS_OPTION_VALUES_H_
#define FIRSTLIGHT_SERVER_OPTIONS_OPTION_VALUES_H_

// The texts that options take, turned into values. Every function is pure and answers
// INVALID_ARGUMENT with "expected …, found …"; the caller adds the option's name.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/residency/prefetch_policy.h"

namespace firstlight {

// One --model.
struct ModelArgument {
  std::string name;
  std::string directory;
  std::optional<PrefetchPolicy> prefetch{};  // nothing: what --prefetch says
};

// NAME=DIR, or NAME=DIR,prefetch=POLICY. Another setting (KEY=VALUE) after the comma is refused by
// name. A directory whose own name holds a comma is accepted as long as what follows it does not
// read like a setting.
absl::StatusOr<ModelArgument> ParseModelArgument(absl::string_view text);

// "on_request", "background", "pinned", "none".
absl::StatusOr<PrefetchPolicy> ParsePrefetchPolicy(absl::string_view text);

// A name that requests can use: 1 to 128 letters, digits and "._-/:", starting with a letter or
// digit, and not one that health checks use for services.
absl::Status CheckModelName(absl::string_view name);

// "8GiB", "512MiB", "1.5GB", "4096": bytes. Suffixes B, KB, MB, GB, TB (powers of 1000) and KiB,
// MiB, GiB, TiB (of 1024), in any case.
absl::StatusOr<int64_t> ParseBytes(absl::string_view text);

// "30s", "500ms", "1m30s", "0": Go's spelling, at least 0 and at most a year.
absl::StatusOr<absl::Duration> ParseDuration(absl::string_view text);

// A whole number in [low, high].
absl::StatusOr<int64_t> ParseInteger(absl::string_view text, int64_t low, int64_t high);

// "true", "false", "1", "0", "on", "off", "yes", "no".
absl::StatusOr<bool> ParseBool(absl::string_view text);

// HOST:PORT, or unix:PATH when `allow_unix`. Returns the text. PORT 0 asks for a free one.
absl::StatusOr<std::string> ParseAddress(absl::string_view text, bool allow_unix);

// One of `words`. Returns its index.
absl::StatusOr<size_t> ParseChoice(absl::string_view text, const std::vector<std::string>& words);

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_OPTIONS_OPTION_VALUES_H_
