#include "client/terminal_text.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "loader/base/strings.h"
#include "loader/base/utf8.h"

namespace firstlight {

bool WritesToTerminal() { return isatty(STDOUT_FILENO) != 0; }

std::string ForTerminal(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of("\n\t"), text.size());
    shown += EscapeControls(ToAbsl(text.substr(0, end)));
    if (end < text.size()) shown += text[end];
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return shown;
}

void WriteText(std::string_view text) {
  const std::string escaped = WritesToTerminal() ? ForTerminal(text) : std::string();
  if (WritesToTerminal()) text = escaped;
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

}  // namespace firstlight
