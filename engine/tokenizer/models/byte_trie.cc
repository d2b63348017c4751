#include "engine/tokenizer/models/byte_trie.h"

#include <algorithm>

namespace firstlight {

ByteTrie::ByteTrie(std::vector<std::pair<std::string_view, int32_t>> entries)
    : nodes_(1), labels_(1), root_(256, 0) {
  std::sort(entries.begin(), entries.end());
  // A node and the entries below it: [begin, end), all alike in their first `depth` bytes.
  struct Range {
    uint32_t node;
    size_t begin;
    size_t end;
    size_t depth;
  };
  std::vector<Range> queue = {{0, 0, entries.size(), 0}};
  for (size_t next = 0; next < queue.size(); ++next) {
    auto [node, begin, end, depth] = queue[next];
    if (begin < end && entries[begin].first.size() == depth) {
      nodes_[node].value = entries[begin].second;
      ++begin;
    }
    nodes_[node].first_child = static_cast<uint32_t>(nodes_.size());
    while (begin < end) {
      const char label = entries[begin].first[depth];
      size_t child_end = begin;
      while (child_end < end && entries[child_end].first[depth] == label) {
        ++child_end;
      }
      queue.push_back({static_cast<uint32_t>(nodes_.size()), begin, child_end, depth + 1});
      if (node == 0) {
        root_[static_cast<uint8_t>(label)] = static_cast<uint32_t>(nodes_.size());
      }
      nodes_.emplace_back();
      labels_.push_back(static_cast<uint8_t>(label));
      begin = child_end;
    }
    nodes_[node].children = static_cast<uint32_t>(nodes_.size()) - nodes_[node].first_child;
  }
}

}  // namespace firstlight
