#include "server/options/option_values.h"

#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "loader/base/status_macros.h"

namespace firstlight {
namespace {

absl::Status Expected(absl::string_view expected, absl::string_view found) {
  return absl::InvalidArgumentError(absl::StrCat("expected ", expected, ", found \"", found, "\""));
}

}  // namespace

absl::Status CheckModelName(absl::string_view name) {
  bool valid = !name.empty() && name.size() <= 128 && absl::ascii_isalnum(name.front());
  for (const char c : name) {
    valid = valid && (absl::ascii_isalnum(c) || absl::string_view("._-/:").find(c) != name.npos);
  }
  if (!valid) {
    return Expected(
        "a model name of 1 to 128 letters, digits and \"._-/:\" that starts with a letter or digit",
        name.substr(0, 160));
  }
  if (absl::StartsWith(name, "grpc.") || absl::StartsWith(name, "firstlight.v1.")) {
    return Expected("a model name that is not a service's (grpc.*, firstlight.v1.*)", name);
  }
  return absl::OkStatus();
}

absl::StatusOr<ModelArgument> ParseModelArgument(absl::string_view text) {
  const size_t equals = text.find('=');
  if (equals == absl::string_view::npos || equals + 1 == text.size()) {
    return Expected("NAME=DIR", text);
  }
  ModelArgument argument;
  argument.name = std::string(text.substr(0, equals));
  FIRSTLIGHT_RETURN_IF_ERROR(CheckModelName(argument.name));
  argument.directory = std::string(text.substr(equals + 1));
  const size_t comma = argument.directory.rfind(',');
  if (comma != std::string::npos) {
    const absl::string_view tail = absl::string_view(argument.directory).substr(comma + 1);
    const size_t key_end = tail.find('=');
    if (key_end != absl::string_view::npos && tail.find('/') == absl::string_view::npos) {
      if (tail.substr(0, key_end) != "prefetch") {
        return absl::InvalidArgumentError(absl::StrCat(
            "NAME=DIR takes the setting prefetch=POLICY after a comma, found \"", tail, "\""));
      }
      FIRSTLIGHT_ASSIGN_OR_RETURN(argument.prefetch, ParsePrefetchPolicy(tail.substr(key_end + 1)));
      argument.directory.resize(comma);
      if (argument.directory.empty()) return Expected("NAME=DIR", text);
    }
  }
  return argument;
}

absl::StatusOr<PrefetchPolicy> ParsePrefetchPolicy(absl::string_view text) {
  constexpr PrefetchPolicy kPolicies[] = {PrefetchPolicy::kOnRequest, PrefetchPolicy::kBackground,
                                          PrefetchPolicy::kPinned, PrefetchPolicy::kNone};
  FIRSTLIGHT_ASSIGN_OR_RETURN(const size_t index,
                              ParseChoice(text, {"on_request", "background", "pinned", "none"}));
  return kPolicies[index];
}

absl::StatusOr<int64_t> ParseBytes(absl::string_view text) {
  constexpr absl::string_view kExpected = "a size such as 8GiB, 512MiB or a number of bytes";
  const size_t digits = text.find_first_not_of("0123456789.");
  const std::string number(text.substr(0, digits));
  std::string suffix(digits == absl::string_view::npos ? "" : text.substr(digits));
  suffix = std::string(absl::StripAsciiWhitespace(suffix));
  static constexpr std::pair<const char*, double> kUnits[] = {
      {"", 1},
      {"B", 1},
      {"KB", 1e3},
      {"MB", 1e6},
      {"GB", 1e9},
      {"TB", 1e12},
      {"KiB", 1024.0},
      {"MiB", 1024.0 * 1024},
      {"GiB", 1024.0 * 1024 * 1024},
      {"TiB", 1024.0 * 1024 * 1024 * 1024},
  };
  double value = 0;
  if (number.empty() || !absl::SimpleAtod(number, &value)) return Expected(kExpected, text);
  for (const auto& [unit, factor] : kUnits) {
    if (!absl::EqualsIgnoreCase(suffix, unit)) continue;
    const double bytes = std::floor(value * factor);
    if (!(bytes < 0x1p62)) return Expected("a size under 4 EiB", text);
    return static_cast<int64_t>(bytes);
  }
  return Expected(kExpected, text);
}

absl::StatusOr<absl::Duration> ParseDuration(absl::string_view text) {
  absl::Duration duration;
  if (!absl::ParseDuration(text, &duration)) {
    return Expected("a duration such as 30s, 500ms or 1m30s", text);
  }
  if (duration < absl::ZeroDuration() || duration > absl::Hours(365 * 24)) {
    return Expected("a duration from 0 to 8760h", text);
  }
  return duration;
}

absl::StatusOr<int64_t> ParseInteger(absl::string_view text, int64_t low, int64_t high) {
  int64_t value = 0;
  if (!absl::SimpleAtoi(text, &value) || value < low || value > high) {
    return Expected(high == std::numeric_limits<int64_t>::max()
                        ? absl::StrCat("a whole number from ", low)
                        : absl::StrCat("a whole number from ", low, " to ", high),
                    text);
  }
  return value;
}

absl::StatusOr<bool> ParseBool(absl::string_view text) {
  for (const char* word : {"true", "1", "on", "yes"}) {
    if (absl::EqualsIgnoreCase(text, word)) return true;
  }
  for (const char* word : {"false", "0", "off", "no"}) {
    if (absl::EqualsIgnoreCase(text, word)) return false;
  }
  return Expected("true or false", text);
}

absl::StatusOr<std::string> ParseAddress(absl::string_view text, bool allow_unix) {
  const absl::string_view expected =
      allow_unix ? absl::string_view("HOST:PORT or unix:PATH") : absl::string_view("HOST:PORT");
  if (absl::StartsWith(text, "unix:")) {
    // The path goes into sockaddr_un, whose field has 108 bytes with the final zero.
    if (!allow_unix || text.size() == 5) return Expected(expected, text);
    if (text.size() - 5 > 107) return Expected("unix:PATH of at most 107 bytes", text);
    return std::string(text);
  }
  const size_t colon = text.rfind(':');
  int port = -1;
  if (colon == absl::string_view::npos || colon == 0 ||
      !absl::SimpleAtoi(text.substr(colon + 1), &port) || port < 0 || port > 65535) {
    return Expected(absl::StrCat(expected, " with a port from 0 to 65535"), text);
  }
  const absl::string_view host = text.substr(0, colon);
  if (host.find(':') != absl::string_view::npos && (host.front() != '[' || host.back() != ']')) {
    return Expected("an IPv6 address in brackets, such as [::1]:50051", text);
  }
  return std::string(text);
}

absl::StatusOr<size_t> ParseChoice(absl::string_view text, const std::vector<std::string>& words) {
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] == text) return i;
  }
  return Expected(
      words.size() == 1 ? words[0] : absl::StrCat("one of ", absl::StrJoin(words, ", ")), text);
}

}  // namespace firstlight
