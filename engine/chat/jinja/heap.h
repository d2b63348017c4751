#ifndef FIRSTLIGHT_ENGINE_CHAT_JINJA_HEAP_H_
#define FIRSTLIGHT_ENGINE_CHAT_JINJA_HEAP_H_

// The objects of one rendering, and what the rendering may still spend.
//
// Work is counted in steps, so that what a template may do does not depend on the machine; now and
// then the heap also asks the thread's clock, which bounds what the count of steps does not know
// of, and whoever wants the rendering whether it still does.
//
// Objects count their references, without atomics: a heap and all that is on it belong to one
// thread. Namespaces and macros can refer to themselves, so the heap also knows every object, and
// frees what is left when it goes. Freeing never recurses: a list inside a list inside a list, a
// million deep, is freed in a loop.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace firstlight::jinja {

class Heap;

class Object {
 public:
  // `bytes` is what the object takes of the heap's limit.
  Object(Heap& heap, size_t bytes);
  virtual ~Object();
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;

  void AddReference() { ++references_; }
  void DropReference();

  Heap& heap() const { return heap_; }

 protected:
  // Drops all references to other objects, for the end of the heap.
  virtual void Clear() = 0;
  // Adds to what the object takes.
  void Grow(size_t bytes);

 private:
  friend class Heap;
  Heap& heap_;
  size_t bytes_;
  int64_t references_ = 0;
  Object* previous_ = nullptr;
  Object* next_ = nullptr;
};

// A counted reference to a T, or none.
template <typename T>
class Ref {
 public:
  Ref() = default;
  explicit Ref(T* object) : object_(object) {
    if (object_ != nullptr) object_->AddReference();
  }
  Ref(const Ref& other) : Ref(other.object_) {}
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() {
    if (object_ != nullptr) object_->DropReference();
  }

  T* get() const { return object_; }
  T& operator*() const { return *object_; }
  T* operator->() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  T* object_ = nullptr;
};

struct HeapLimits {
  int64_t max_steps = 0;
  size_t max_bytes = 0;
  // Of the thread's processor, from the heap's making on.
  absl::Duration max_time = absl::InfiniteDuration();
  // Whether nobody waits for the rendering any more. May be null; outlives the heap.
  const std::function<bool()>* cancelled = nullptr;
};

class Heap {
 public:
  explicit Heap(const HeapLimits& limits);
  // REQUIRES: nothing outside of the heap refers to its objects any more.
  ~Heap();
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

  // Accounts for work: one step is about one node of a template evaluated, some 100 ns. Throws a
  // limit's TemplateError when none are left, or no time, and another when it is cancelled.
  void Spend(int64_t steps) {
    if (steps > until_question_) [[unlikely]] {
      Ask(steps);
    }
    until_question_ -= steps;
  }
  // For work on each of `bytes` bytes of text: 64 take no longer than a step.
  void SpendBytes(size_t bytes) { Spend(static_cast<int64_t>(bytes / 64) + 1); }
  // For copying, comparing or hashing `bytes` bytes within another step's work.
  void SpendCopy(size_t bytes) { Spend(static_cast<int64_t>(bytes / 256)); }

  // Throws a limit's TemplateError when `bytes` more would not fit: to be asked before something
  // large is built.
  void CheckRoom(size_t bytes) const {
    if (bytes > max_bytes_ - live_bytes_) OutOfMemory();
  }
  // CheckRoom for `count` pieces of `size` bytes each, whose product may overflow.
  void CheckRoom(size_t count, size_t size) const {
    if (size != 0 && count > max_bytes_ / size) OutOfMemory();
    CheckRoom(count * size);
  }

  // Bounds recursion over values that are inside each other.
  class Depth {
   public:
    explicit Depth(Heap& heap) : heap_(heap) {
      if (++heap_.depth_ > kMaxDepth) {
        --heap_.depth_;
        TooDeep();
      }
    }
    ~Depth() { --heap_.depth_; }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;

   private:
    Heap& heap_;
  };

 private:
  friend class Object;
  static constexpr int kMaxDepth = 400;

  static constexpr int64_t kStepsBetweenQuestions = 256;

  void Ask(int64_t steps);
  [[noreturn]] static void OutOfMemory();
  [[noreturn]] static void TooDeep();
  void Free(Object* object);

  // Steps that are left: until the next question, and beyond it.
  int64_t until_question_ = 0;
  int64_t steps_left_;
  const absl::Duration end_;  // on the thread's clock
  const std::function<bool()>* const cancelled_;
  int64_t last_tick_ = 0;
  const size_t max_bytes_;
  size_t live_bytes_ = 0;
  int depth_ = 0;
  Object* first_ = nullptr;
  std::vector<Object*> to_free_;
  bool freeing_ = false;
};

}  // namespace firstlight::jinja

#endif  // FIRSTLIGHT_ENGINE_CHAT_JINJA_HEAP_H_
