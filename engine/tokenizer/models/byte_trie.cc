#include "engine/tokenizer/models/byte_trie.h"

#include <algorithm>
#include <limits>

namespace firstlight {

ByteTrie::ByteTrie(std::vector<std::pair<std::string_view, int32_t>> entries) {
  std::vector<Node> nodes(1);
  std::vector<uint8_t> labels(1);
  std::vector<uint32_t> root(256, 0);
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
      nodes[node].value = entries[begin].second;
      value_end_ = std::max(value_end_, static_cast<uint32_t>(entries[begin].second) + 1);
      ++begin;
    }
    nodes[node].first_child = static_cast<uint32_t>(nodes.size());
    while (begin < end) {
      const char label = entries[begin].first[depth];
      size_t child_end = begin;
      while (child_end < end && entries[child_end].first[depth] == label) {
        ++child_end;
      }
      queue.push_back({static_cast<uint32_t>(nodes.size()), begin, child_end, depth + 1});
      if (node == 0) {
        root[static_cast<uint8_t>(label)] = static_cast<uint32_t>(nodes.size());
      }
      nodes.emplace_back();
      labels.push_back(static_cast<uint8_t>(label));
      begin = child_end;
    }
    nodes[node].children = static_cast<uint32_t>(nodes.size()) - nodes[node].first_child;
  }
  nodes_ = Table<Node>(std::move(nodes));
  labels_ = Table<uint8_t>(std::move(labels));
  root_ = Table<uint32_t>(std::move(root));
}

void ByteTrie::Save(ImageWriter& image) const {
  image.Write(nodes_);
  image.Write(labels_);
  image.Write(root_);
}

ByteTrie ByteTrie::Load(ImageReader& image, size_t value_end) {
  ByteTrie trie;
  Table<Node> nodes = image.ReadTable<Node>();
  Table<uint8_t> labels = image.ReadTable<uint8_t>();
  Table<uint32_t> root = image.ReadTable<uint32_t>();
  if (nodes.empty() || labels.size() != nodes.size() || root.size() != trie.root_.size() ||
      value_end > std::numeric_limits<int32_t>::max()) {
    image.Fail("a trie");
    return trie;
  }
  trie.nodes_ = std::move(nodes);
  trie.labels_ = std::move(labels);
  trie.root_ = std::move(root);
  trie.value_end_ = static_cast<uint32_t>(value_end);
  return trie;
}

}  // namespace firstlight
