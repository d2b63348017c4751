#ifndef FIRSTLIGHT_ENGINE_CHAT_JINJA_TEMPLATE_ERROR_H_
#define FIRSTLIGHT_ENGINE_CHAT_JINJA_TEMPLATE_ERROR_H_

// How the parts of the template language tell each other of errors. The language is Python's, whose
// errors are exceptions that some filters catch (`int` and `float` give their default for a
// TypeError), so these are exceptions too. None leaves engine/chat/jinja: Template::Compile and
// Template::Render turn them into a Status.

#include <exception>
#include <string>
#include <utility>

namespace firstlight::jinja {

enum class ErrorKind {
  // The template is not one, or asks for what Python refuses, or refuses the conversation.
  kPython,
  // A part of the language that is not implemented.
  kUnimplemented,
  // A bound on time, memory, output or recursion.
  kLimit,
  // Nobody wants the text any more.
  kCancelled,
};

class TemplateError : public std::exception {
 public:
  // `python_class` is what Python calls the error: "TypeError", "UndefinedError".
  TemplateError(std::string python_class, std::string message)
      : kind_(ErrorKind::kPython),
        python_class_(std::move(python_class)),
        message_(std::move(message)) {}

  static TemplateError Unimplemented(std::string message) {
    TemplateError error("", std::move(message));
    error.kind_ = ErrorKind::kUnimplemented;
    return error;
  }
  static TemplateError Limit(std::string message) {
    TemplateError error("", std::move(message));
    error.kind_ = ErrorKind::kLimit;
    return error;
  }
  static TemplateError Cancelled() {
    TemplateError error("", "the rendering was cancelled");
    error.kind_ = ErrorKind::kCancelled;
    return error;
  }

  ErrorKind kind() const { return kind_; }
  const std::string& python_class() const { return python_class_; }
  const std::string& message() const { return message_; }
  bool Is(const char* python_class) const {
    return kind_ == ErrorKind::kPython && python_class_ == python_class;
  }
  const char* what() const noexcept override { return message_.c_str(); }

  // The template's line; 0 until somebody on the way up knows it.
  int line() const { return line_; }
  void SetLineIfUnknown(int line) {
    if (line_ == 0) line_ = line;
  }

 private:
  ErrorKind kind_;
  std::string python_class_;
  std::string message_;
  int line_ = 0;
};

[[noreturn]] inline void RaiseTypeError(std::string message) {
  throw TemplateError("TypeError", std::move(message));
}
[[noreturn]] inline void RaiseValueError(std::string message) {
  throw TemplateError("ValueError", std::move(message));
}

}  // namespace firstlight::jinja

#endif  // FIRSTLIGHT_ENGINE_CHAT_JINJA_TEMPLATE_ERROR_H_
