#ifndef FIRSTLIGHT_ENGINE_CHAT_JINJA_HEAP_H_
#define FIRSTLIGHT_ENGINE_CHAT_JINJA_HEAP_H_

// The objects of one rendering, and what the rendering may still spend.
//
// Objects count their references, without atomics: a heap and all that is on it belong to one
// thread. Namespaces and macros can refer to themselves, so the heap also knows every object, and
// frees what is left when it goes. Freeing never recurses: a list inside a list inside a list, a
// million deep, is freed in a loop.

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

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
};

class Heap {
 public:
  explicit Heap(const HeapLimits& limits);
  // REQUIRES: nothing outside of the heap refers to its objects any more.
  ~Heap();
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

  // Accounts for work: one step is about one node of a template evaluated. Throws a limit's
  // TemplateError when none are left.
  void Spend(int64_t steps) {
    if (steps > steps_left_) OutOfSteps();
    steps_left_ -= steps;
  }
  // For work on `bytes` bytes of text: to copy 64 takes no longer than a step.
  void SpendBytes(size_t bytes) { Spend(static_cast<int64_t>(bytes / 64) + 1); }

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

  [[noreturn]] static void OutOfSteps();
  [[noreturn]] static void OutOfMemory();
  [[noreturn]] static void TooDeep();
  void Free(Object* object);

  int64_t steps_left_;
  const size_t max_bytes_;
  size_t live_bytes_ = 0;
  int depth_ = 0;
  Object* first_ = nullptr;
  std::vector<Object*> to_free_;
  bool freeing_ = false;
};

}  // namespace firstlight::jinja

#endif  // FIRSTLIGHT_ENGINE_CHAT_JINJA_HEAP_H_
