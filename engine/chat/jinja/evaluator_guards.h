#ifndef FIRSTLIGHT_ENGINE_CHAT_JINJA_EVALUATOR_GUARDS_H_
#define FIRSTLIGHT_ENGINE_CHAT_JINJA_EVALUATOR_GUARDS_H_

// What an evaluator takes and gives back with a scope of C++, whichever way that is left.

#include "engine/chat/jinja/evaluator.h"
#include "engine/chat/jinja/template_error.h"

namespace firstlight::jinja {

class Evaluator::Capture {
 public:
  explicit Capture(Evaluator& evaluator)
      : evaluator_(evaluator), bytes_before_(evaluator.output_bytes_) {
    evaluator_.outputs_.emplace_back();
  }
  ~Capture() {
    if (!taken_) Take();
  }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  // The text so far, at the end.
  Text Take() {
    Text text = std::move(evaluator_.outputs_.back());
    evaluator_.outputs_.pop_back();
    evaluator_.output_bytes_ = bytes_before_;
    taken_ = true;
    return text;
  }

 private:
  Evaluator& evaluator_;
  const size_t bytes_before_;
  bool taken_ = false;
};

// Bounds that keep the stack of the thread small: about as deep as Python goes.
class Evaluator::CallDepth {
 public:
  explicit CallDepth(Evaluator& evaluator) : evaluator_(evaluator) {
    constexpr int kMost = 180;
    if (evaluator_.call_depth_ >= kMost) {
      throw TemplateError::Limit("the template's macros call each other too deeply");
    }
    ++evaluator_.call_depth_;
  }
  ~CallDepth() { --evaluator_.call_depth_; }
  CallDepth(const CallDepth&) = delete;
  CallDepth& operator=(const CallDepth&) = delete;

 private:
  Evaluator& evaluator_;
};

class Evaluator::EvaluationDepth {
 public:
  explicit EvaluationDepth(Evaluator& evaluator) : evaluator_(evaluator) {
    constexpr int kMost = 2000;
    if (evaluator_.evaluation_depth_ >= kMost) {
      throw TemplateError::Limit("the template is evaluated too deeply");
    }
    ++evaluator_.evaluation_depth_;
  }
  ~EvaluationDepth() { --evaluator_.evaluation_depth_; }
  EvaluationDepth(const EvaluationDepth&) = delete;
  EvaluationDepth& operator=(const EvaluationDepth&) = delete;

 private:
  Evaluator& evaluator_;
};

}  // namespace firstlight::jinja

#endif  // FIRSTLIGHT_ENGINE_CHAT_JINJA_EVALUATOR_GUARDS_H_
