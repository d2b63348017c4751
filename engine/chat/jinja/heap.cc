#include "engine/chat/jinja/heap.h"

#include <algorithm>

#include "engine/chat/jinja/template_error.h"
#include "loader/base/thread_time.h"

namespace firstlight::jinja {

Object::Object(Heap& heap, size_t bytes) : heap_(heap), bytes_(0) {
  Grow(bytes);
  next_ = heap_.first_;
  if (next_ != nullptr) next_->previous_ = this;
  heap_.first_ = this;
}

Object::~Object() {
  (previous_ != nullptr ? previous_->next_ : heap_.first_) = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
  heap_.live_bytes_ -= bytes_;
}

void Object::DropReference() {
  if (--references_ == 0) heap_.Free(this);
}

void Object::Grow(size_t bytes) {
  heap_.CheckRoom(bytes);
  bytes_ += bytes;
  heap_.live_bytes_ += bytes;
}

Heap::Heap(const HeapLimits& limits)
    : steps_left_(limits.max_steps),
      end_(ThreadTime() + limits.max_time),
      cancelled_(limits.cancelled),
      max_bytes_(limits.max_bytes) {}

Heap::~Heap() {
  // What is left refers to itself in circles. With a reference of the heap's own on each, nothing
  // is freed while the circles are cut.
  for (Object* object = first_; object != nullptr; object = object->next_) object->AddReference();
  for (Object* object = first_; object != nullptr; object = object->next_) object->Clear();
  while (first_ != nullptr) delete first_;
}

void Heap::Free(Object* object) {
  to_free_.push_back(object);
  if (freeing_) return;
  freeing_ = true;
  while (!to_free_.empty()) {
    Object* const next = to_free_.back();
    to_free_.pop_back();
    delete next;
  }
  freeing_ = false;
}

// Makes sure that `steps` can be taken from until_question_.
void Heap::Ask(int64_t steps) {
  steps_left_ += until_question_;
  until_question_ = 0;
  if (steps > steps_left_) {
    throw TemplateError::Limit("the template takes more steps than one rendering may");
  }
  if (const int64_t tick = CoarseTick(); tick != last_tick_) {
    last_tick_ = tick;
    if (cancelled_ != nullptr && *cancelled_ && (*cancelled_)()) throw TemplateError::Cancelled();
    if (ThreadTime() > end_) {
      throw TemplateError::Limit("the template takes more time than one rendering may");
    }
  }
  until_question_ = std::min(steps_left_, std::max(steps, kStepsBetweenQuestions));
  steps_left_ -= until_question_;
}

void Heap::OutOfMemory() {
  throw TemplateError::Limit("the template's values take more memory than one rendering may");
}

void Heap::TooDeep() { throw TemplateError::Limit("values are nested too deeply"); }

}  // namespace firstlight::jinja
