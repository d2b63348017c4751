#ifndef FIRSTLIGHT_SERVER_BASE_LOG_H_
#define FIRSTLIGHT_SERVER_BASE_LOG_H_

// Structured logging: one line an event, on standard error, as text or as JSON.
//
//   2026-11-22T16:00:00.123456Z info request method=Generate model=tiny code=OK total=0.021
//   {"time":"2026-11-22T16:00:00.123456Z","level":"info","event":"request","method":"Generate",…}
//
// Values are escaped, so that nothing that a client sends can forge a line or a field. Durations
// are seconds. A line is one write(2); no lock is held. Thread-safe.

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace firstlight {

enum class LogLevel { kDebug, kInfo, kWarning, kError };
enum class LogFormat { kText, kJson };

using LogValue = std::variant<std::string, int64_t, double, bool>;

struct LogField {
  LogField(std::string name, std::string text) : name(std::move(name)), value(std::move(text)) {}
  LogField(std::string name, absl::string_view text)
      : name(std::move(name)), value(std::string(text)) {}
  LogField(std::string name, const char* text) : name(std::move(name)), value(std::string(text)) {}
  LogField(std::string name, int64_t number) : name(std::move(name)), value(number) {}
  LogField(std::string name, int number) : name(std::move(name)), value(int64_t{number}) {}
  LogField(std::string name, double number) : name(std::move(name)), value(number) {}
  LogField(std::string name, bool flag) : name(std::move(name)), value(flag) {}
  LogField(std::string name, absl::Duration duration)
      : name(std::move(name)), value(absl::ToDoubleSeconds(duration)) {}

  std::string name;
  LogValue value;
};

class Log {
 public:
  // Writes lines of `level` and above to `file_descriptor`, which stays open longer than the Log.
  Log(LogLevel level, LogFormat format, int file_descriptor);

  bool enabled(LogLevel level) const { return level >= level_; }

  // `event` is one word or a short phrase; what varies goes into fields.
  void Write(LogLevel level, absl::string_view event, const std::vector<LogField>& fields) const;

  void Debug(absl::string_view event, const std::vector<LogField>& fields) const {
    Write(LogLevel::kDebug, event, fields);
  }
  void Info(absl::string_view event, const std::vector<LogField>& fields) const {
    Write(LogLevel::kInfo, event, fields);
  }
  void Warning(absl::string_view event, const std::vector<LogField>& fields) const {
    Write(LogLevel::kWarning, event, fields);
  }
  void Error(absl::string_view event, const std::vector<LogField>& fields) const {
    Write(LogLevel::kError, event, fields);
  }

 private:
  const LogLevel level_;
  const LogFormat format_;
  const int file_descriptor_;
};

// One line, with its newline, as Write() would write it at `time`.
std::string FormatLogLine(LogFormat format, absl::Time time, LogLevel level,
                          absl::string_view event, const std::vector<LogField>& fields);

}  // namespace firstlight

#endif  // FIRSTLIGHT_SERVER_BASE_LOG_H_
