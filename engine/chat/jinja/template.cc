#include "engine/chat/jinja/template.h"

#include "engine/chat/jinja/parser.h"
#include "engine/chat/jinja/resolver.h"
#include "engine/tokenizer/text/utf8.h"
#include "loader/base/strings.h"

namespace firstlight::jinja {

absl::Status ToStatus(std::string_view file_name, const TemplateError& error) {
  std::string where(file_name);
  if (error.line() > 0) StrAppend(&where, ":", error.line());
  switch (error.kind()) {
    case ErrorKind::kUnimplemented:
      return absl::UnimplementedError(StrCat(where, ": ", error.message()));
    case ErrorKind::kLimit:
      return absl::ResourceExhaustedError(StrCat(where, ": ", error.message()));
    case ErrorKind::kCancelled:
      return absl::CancelledError(error.message());
    case ErrorKind::kPython:
      break;
  }
  if (error.Is("TemplateError")) {
    return absl::InvalidArgumentError(StrCat(where, ": ", error.message()));
  }
  return absl::InvalidArgumentError(
      StrCat(where, ": ", error.python_class(), ": ", error.message()));
}

absl::StatusOr<std::unique_ptr<const Template>> Template::Compile(std::string_view source,
                                                                  std::string file_name) {
  if (const size_t invalid = FindInvalidUtf8(source); invalid != std::string_view::npos) {
    return absl::InvalidArgumentError(StrCat(file_name, ": not UTF-8 at byte ", invalid));
  }
  if (source.find('\0') != std::string_view::npos) {
    return absl::InvalidArgumentError(StrCat(file_name, ": holds a NUL character"));
  }
  try {
    SyntaxTree tree = Parse(source);
    Resolve(tree);
    return std::unique_ptr<const Template>(new Template(std::move(tree), std::move(file_name)));
  } catch (const TemplateError& error) {
    return ToStatus(file_name, error);
  }
}

absl::StatusOr<Text> Template::Render(Heap& heap, const Variables& variables,
                                      const EvaluatorOptions& options) const {
  try {
    return Evaluator(heap, tree_, variables, options).Run();
  } catch (const TemplateError& error) {
    return ToStatus(file_name_, error);
  }
}

}  // namespace firstlight::jinja
