#include "engine/kv_cache/paged_cache.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace firstlight {

PagedCache::PagedCache(const CacheArenas* arenas)
    : arenas_(arenas), tables_(arenas->shape().groups.size()) {}

// A group with a window takes room for the window and a chunk from the start: from then on it gives
// back about as much as it takes.
int64_t PagedCache::BlocksWanted(size_t group, const CacheSpan& span) const {
  const int64_t window = arenas_->shape().groups[group].window;
  if (window == 0) return BlocksFor(span.end);
  return BlocksFor(std::min(span.end, std::max(span.first, window - 1) + span.chunk));
}

bool PagedCache::Reserve(const CacheSpan& span) {
  for (size_t group = 0; group < tables_.size(); ++group) {
    std::vector<float*>& blocks = tables_[group].blocks;
    const int64_t wanted = BlocksWanted(group, span);
    while (static_cast<int64_t>(blocks.size()) < wanted) {
      float* const block = arenas_->arena(static_cast<int64_t>(group))->Allocate();
      if (block == nullptr) return false;
      blocks.push_back(block);
    }
  }
  return true;
}

int64_t PagedCache::MissingBytes(const CacheSpan& span) const {
  int64_t bytes = 0;
  for (size_t group = 0; group < tables_.size(); ++group) {
    const auto held = static_cast<int64_t>(tables_[group].blocks.size());
    bytes += std::max<int64_t>(BlocksWanted(group, span) - held, 0) *
             arenas_->arena(static_cast<int64_t>(group))->block_bytes();
  }
  return bytes;
}

void PagedCache::ReleaseBehind(int64_t position) {
  for (size_t group = 0; group < tables_.size(); ++group) {
    const int64_t window = arenas_->shape().groups[group].window;
    if (window == 0) continue;
    Table& table = tables_[group];
    const int64_t end = std::min(std::max<int64_t>(position - window + 1, 0) / kBlockTokens,
                                 static_cast<int64_t>(table.blocks.size()));
    for (; table.released < end; ++table.released) {
      float*& block = table.blocks[static_cast<size_t>(table.released)];
      // One that is shared may have been gone before.
      if (block != nullptr) arenas_->arena(static_cast<int64_t>(group))->Free(block);
      block = nullptr;
    }
  }
}

void PagedCache::ShareBlocks(const PagedCache& other, int64_t blocks) {
  for (size_t group = 0; group < tables_.size(); ++group) {
    Table& table = tables_[group];
    const std::vector<float*>& from = other.tables_[group].blocks;
    table.blocks.assign(from.begin(), from.begin() + blocks);
    table.released = 0;
    for (float* const block : table.blocks) {
      if (block != nullptr) arenas_->arena(static_cast<int64_t>(group))->Share(block);
    }
  }
}

void PagedCache::CopyBlock(const PagedCache& other, int64_t index) {
  const auto at = static_cast<size_t>(index);
  for (size_t group = 0; group < tables_.size(); ++group) {
    std::memcpy(tables_[group].blocks[at], other.tables_[group].blocks[at],
                static_cast<size_t>(arenas_->shape().groups[group].block_bytes()));
  }
}

void PagedCache::Release() {
  for (size_t group = 0; group < tables_.size(); ++group) {
    for (float* const block : tables_[group].blocks) {
      if (block != nullptr) arenas_->arena(static_cast<int64_t>(group))->Free(block);
    }
    tables_[group] = Table();
  }
}

int64_t PagedCache::reserved_positions() const {
  int64_t blocks = std::numeric_limits<int64_t>::max() / kBlockTokens;
  for (const Table& table : tables_) {
    blocks = std::min(blocks, static_cast<int64_t>(table.blocks.size()));
  }
  return blocks * kBlockTokens;
}

int64_t PagedCache::held_bytes() const {
  int64_t bytes = 0;
  for (size_t group = 0; group < tables_.size(); ++group) {
    const std::vector<float*>& blocks = tables_[group].blocks;
    bytes += (std::ssize(blocks) - std::count(blocks.begin(), blocks.end(), nullptr)) *
             arenas_->arena(static_cast<int64_t>(group))->block_bytes();
  }
  return bytes;
}

AttentionBlocks PagedCache::layer(int64_t index) const {
  const CacheLayer& layer = arenas_->shape().layers[static_cast<size_t>(index)];
  return {.blocks = tables_[static_cast<size_t>(layer.group)].blocks.data(),
          .layer_offset = layer.offset,
          .kv_heads = layer.kv_heads,
          .head_dim = layer.head_dim,
          .value_dim = layer.value_dim};
}

}  // namespace firstlight
