#ifndef FIRSTLIGHT_ENGINE_CHAT_JINJA_MERGE_SORT_H_
#define FIRSTLIGHT_ENGINE_CHAT_JINJA_MERGE_SORT_H_

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace firstlight::jinja {

// Sorts stably. `less` may throw, and need not be an order at all (values that are not numbers are
// less than nothing): the result is then some permutation.
template <typename T, typename Less>
void MergeSort(std::vector<T>& items, const Less& less) {
  std::vector<T> merged(items.size());
  for (size_t width = 1; width < items.size(); width *= 2) {
    for (size_t begin = 0; begin < items.size(); begin += 2 * width) {
      const size_t middle = std::min(begin + width, items.size());
      const size_t end = std::min(begin + 2 * width, items.size());
      size_t left = begin;
      size_t right = middle;
      for (size_t out = begin; out < end; ++out) {
        const bool take_right = left == middle || (right < end && less(items[right], items[left]));
        merged[out] = std::move(items[take_right ? right++ : left++]);
      }
    }
    items.swap(merged);
  }
}

}  // namespace firstlight::jinja

#endif  // FIRSTLIGHT_ENGINE_CHAT_JINJA_MERGE_SORT_H_
