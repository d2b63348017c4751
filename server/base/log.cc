#include "server/base/log.h"

#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "loader/base/utf8.h"

namespace firstlight {
namespace {

absl::string_view LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "unknown";
}

// A JSON string of `text`, quotes included.
void AppendQuoted(std::string* out, absl::string_view text) {
  out->push_back('"');
  AppendEscaped(out, text, "\"\\");
  out->push_back('"');
}

bool IsBareWord(absl::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       absl::string_view("._-/:+,@[]%").find(c) != absl::string_view::npos;
    if (!plain) return false;
  }
  return true;
}

void AppendValue(std::string* out, const LogValue& value, LogFormat format) {
  std::visit(
      [&](const auto& v) {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, std::string>) {
          if (format == LogFormat::kText && IsBareWord(v)) {
            out->append(v);
          } else {
            AppendQuoted(out, v);
          }
        } else if constexpr (std::is_same_v<T, bool>) {
          out->append(v ? "true" : "false");
        } else if constexpr (std::is_same_v<T, double>) {
          if (std::isfinite(v)) {
            absl::StrAppendFormat(out, "%.9g", v);
          } else {
            AppendQuoted(out, absl::StrCat(v));  // JSON has no word for these
          }
        } else {
          absl::StrAppend(out, v);
        }
      },
      value);
}

}  // namespace

std::string FormatLogLine(LogFormat format, absl::Time time, LogLevel level,
                          absl::string_view event, const std::vector<LogField>& fields) {
  const std::string when = absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", time, absl::UTCTimeZone());
  std::string line;
  if (format == LogFormat::kJson) {
    absl::StrAppend(&line, "{\"time\":\"", when, "\",\"level\":\"", LevelName(level),
                    "\",\"event\":");
    AppendQuoted(&line, event);
    for (const LogField& field : fields) {
      line.push_back(',');
      AppendQuoted(&line, field.name);
      line.push_back(':');
      AppendValue(&line, field.value, format);
    }
    line.append("}\n");
    return line;
  }
  absl::StrAppend(&line, when, " ", LevelName(level), " ");
  absl::StrAppend(&line, event);
  for (const LogField& field : fields) {
    absl::StrAppend(&line, " ", field.name, "=");
    AppendValue(&line, field.value, format);
  }
  line.push_back('\n');
  return line;
}

Log::Log(LogLevel level, LogFormat format, int file_descriptor)
    : level_(level), format_(format), file_descriptor_(file_descriptor) {}

void Log::Write(LogLevel level, absl::string_view event,
                const std::vector<LogField>& fields) const {
  if (!enabled(level)) return;
  const std::string line = FormatLogLine(format_, absl::Now(), level, event, fields);
  absl::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t written = ::write(file_descriptor_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // nobody to tell
    rest.remove_prefix(static_cast<size_t>(written));
  }
}

}  // namespace firstlight
