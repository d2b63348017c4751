#ifndef FIRSTLIGHT_CLIENT_TERMINAL_TEXT_H_
#define FIRSTLIGHT_CLIENT_TERMINAL_TEXT_H_

// Text that others wrote, a model or a template, on its way to standard output. A terminal obeys
// control characters, so none but line breaks and tabs reaches one; a file or a pipe gets every
// byte.

#include <string>
#include <string_view>

namespace firstlight {

// Whether standard output is a terminal.
bool WritesToTerminal();

// `text`, which is UTF-8, with its control characters spelled out.
std::string ForTerminal(std::string_view text);

// Writes `text` to standard output, as ForTerminal where that is one, and flushes.
void WriteText(std::string_view text);

}  // namespace firstlight

#endif  // FIRSTLIGHT_CLIENT_TERMINAL_TEXT_H_
