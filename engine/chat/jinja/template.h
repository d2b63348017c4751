#ifndef FIRSTLIGHT_ENGINE_CHAT_JINJA_TEMPLATE_H_
#define FIRSTLIGHT_ENGINE_CHAT_JINJA_TEMPLATE_H_

// A compiled template of the language, whatever it is rendered with. Immutable: any thread may
// render it, each with a heap of its own.

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/chat/jinja/evaluator.h"
#include "engine/chat/jinja/syntax.h"
#include "engine/chat/jinja/template_error.h"
#include "engine/chat/jinja/value.h"

namespace firstlight::jinja {

class Template {
 public:
  // `file_name` is what errors call the template. INVALID_ARGUMENT for what is no template,
  // UNIMPLEMENTED for what of the language is not implemented, RESOURCE_EXHAUSTED beyond a limit;
  // each "FILE:LINE: PROBLEM".
  static absl::StatusOr<std::unique_ptr<const Template>> Compile(std::string_view source,
                                                                 std::string file_name);

  // Errors as Compile's. `variables` lie on `heap`.
  absl::StatusOr<Text> Render(Heap& heap, const Variables& variables,
                              const EvaluatorOptions& options) const;

 private:
  Template(SyntaxTree tree, std::string file_name)
      : tree_(std::move(tree)), file_name_(std::move(file_name)) {}

  const SyntaxTree tree_;
  const std::string file_name_;
};

// "FILE:LINE: CLASS: MESSAGE"; without the class for the error that raise_exception raises.
absl::Status ToStatus(std::string_view file_name, const TemplateError& error);

}  // namespace firstlight::jinja

#endif  // FIRSTLIGHT_ENGINE_CHAT_JINJA_TEMPLATE_H_
