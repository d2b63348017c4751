#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_IMAGE_TABLE_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_IMAGE_TABLE_H_

// An array that is read and never changed: memory of its own where a tokenizer was built from its
// files, a stretch of the mapping where it came from an image (tokenizer_image.h). The mapping
// outlives the table.
//
// What is in a mapping may change under it, whatever was checked before: whoever uses an element as
// an index checks it first.

#include <cstddef>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/types/span.h"

namespace firstlight {

template <typename T>
class Table {
  static_assert(std::is_trivially_copyable_v<T>, "tables are kept in files as they are");

 public:
  Table() = default;
  explicit Table(std::vector<T> elements) : owned_(std::move(elements)), elements_(owned_) {}
  static Table View(absl::Span<const T> elements) {
    Table table;
    table.elements_ = elements;
    return table;
  }
  // A vector that moves keeps its elements where they are.
  Table(Table&&) noexcept = default;
  Table& operator=(Table&&) noexcept = default;
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  const T& operator[](size_t index) const { return elements_[index]; }
  const T* data() const { return elements_.data(); }
  size_t size() const { return elements_.size(); }
  bool empty() const { return elements_.empty(); }
  const T& back() const { return elements_.back(); }
  absl::Span<const T> elements() const { return elements_; }

  // Bytes of memory of its own: none of a view.
  size_t memory_bytes() const { return owned_.capacity() * sizeof(T); }

 private:
  std::vector<T> owned_;
  absl::Span<const T> elements_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_IMAGE_TABLE_H_
