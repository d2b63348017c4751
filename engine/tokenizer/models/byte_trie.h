#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_BYTE_TRIE_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_BYTE_TRIE_H_

// Byte strings with a value each, for finding all of them that a text begins with. Flat arrays: the
// children of a node are adjacent and ordered. Immutable once built; any thread may read it.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/tokenizer/image/image_reader.h"
#include "engine/tokenizer/image/image_writer.h"
#include "engine/tokenizer/image/table.h"

namespace firstlight {

class ByteTrie {
 public:
  static constexpr int32_t kNoValue = -1;

  ByteTrie() : ByteTrie(std::vector<std::pair<std::string_view, int32_t>>()) {}
  // Of `entries`: distinct keys with values that are not negative, in any order. A key that is
  // empty is never found.
  explicit ByteTrie(std::vector<std::pair<std::string_view, int32_t>> entries);

  void Save(ImageWriter& image) const;
  // Values from `value_end` on, which it was not built with, are as good as none.
  static ByteTrie Load(ImageReader& image, size_t value_end);

  bool empty() const { return nodes_.size() == 1; }

  // Calls `visit(length, value)` for each key that `text` begins with, shortest first; no length is
  // 0, whatever an image says, so that whoever walks a text by what is found comes to its end.
  // Returns the bytes that it had to look at.
  template <typename Visit>
  size_t ForEachPrefix(std::string_view text, const Visit& visit) const {
    uint32_t node = 0;
    for (size_t length = 0; length < text.size();) {
      node = Child(node, static_cast<uint8_t>(text[length]));
      if (node == 0) {
        return length;
      }
      ++length;
      if (static_cast<uint32_t>(nodes_[node].value) < value_end_) {
        visit(length, nodes_[node].value);
      }
    }
    return text.size();
  }

  // The longest key that `text` begins with: its length and value; {0, kNoValue} if there is none.
  std::pair<size_t, int32_t> LongestPrefix(std::string_view text) const {
    std::pair<size_t, int32_t> longest(0, kNoValue);
    ForEachPrefix(text, [&](size_t length, int32_t value) { longest = {length, value}; });
    return longest;
  }

  // Whether some key begins with `byte`.
  bool Begins(char byte) const { return root_[static_cast<uint8_t>(byte)] != 0; }

  size_t memory_bytes() const {
    return nodes_.memory_bytes() + labels_.memory_bytes() + root_.memory_bytes();
  }

 private:
  struct Node {
    uint32_t first_child = 0;
    uint32_t children = 0;
    int32_t value = kNoValue;
  };

  // Below nodes_.size(); 0, the root, where there is none.
  uint32_t Child(uint32_t node, uint8_t byte) const {
    if (node == 0) {
      const uint32_t child = root_[byte];
      return child < nodes_.size() ? child : 0;
    }
    uint32_t low = nodes_[node].first_child;
    const uint32_t children = nodes_[node].children;
    if (low > nodes_.size() || children > nodes_.size() - low) {
      return 0;
    }
    uint32_t high = low + children;
    const uint32_t end = high;
    while (low < high) {
      const uint32_t middle = low + (high - low) / 2;
      if (labels_[middle] < byte) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low < end && labels_[low] == byte ? low : 0;
  }

  Table<Node> nodes_;
  Table<uint8_t> labels_;  // [nodes] The byte that leads to it.
  Table<uint32_t> root_;   // Byte → child of the root.
  // Past every value. What an image says is compared with it, kNoValue included.
  uint32_t value_end_ = 0;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_BYTE_TRIE_H_
