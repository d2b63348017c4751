#include "engine/kv_cache/cache_arenas.h"

#include <algorithm>
#include <utility>

#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

// More than any model has.
constexpr int64_t kMostBlocks = int64_t{1} << 36;

}  // namespace

absl::StatusOr<std::unique_ptr<CacheArenas>> CacheArenas::Create(CacheShape shape,
                                                                 BlockPool* pool) {
  std::unique_ptr<CacheArenas> arenas(new CacheArenas(std::move(shape), pool->capacity_bytes()));
  for (const CacheGroup& group : arenas->shape_.groups) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(std::unique_ptr<BlockArena> arena,
                                pool->CreateArena(group.block_bytes()));
    arenas->block_bytes_ += arena->block_bytes();
    arenas->arenas_.push_back(std::move(arena));
  }
  if (arenas->shape_.state_floats > 0) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(arenas->state_arena_,
                                pool->CreateArena(arenas->shape_.state_bytes()));
    arenas->state_bytes_ = arenas->state_arena_->block_bytes();
  }
  if (arenas->block_bytes_ + arenas->state_bytes_ > pool->capacity_bytes()) {
    return absl::ResourceExhaustedError(
        StrCat("KV cache: ", kBlockTokens, " positions of this model take ", arenas->block_bytes_,
               " bytes, the states of a sequence ", arenas->state_bytes_, " bytes, the budget is ",
               pool->capacity_bytes(), " bytes"));
  }
  return arenas;
}

double CacheArenas::BytesOfBlocks(int64_t blocks, int64_t chunk) const {
  auto bytes = static_cast<double>(state_bytes_);
  for (size_t i = 0; i < arenas_.size(); ++i) {
    int64_t held = blocks;
    if (const int64_t window = shape_.groups[i].window; window > 0) {
      // A pass of `chunk` rows sees one window less a row before them; both ends may share a block
      // with positions that it does not need.
      held = std::min(held, BlocksFor(window - 1 + chunk - 1) + 1);
    }
    bytes += static_cast<double>(held) * static_cast<double>(arenas_[i]->block_bytes());
  }
  return bytes;
}

int64_t CacheArenas::PeakBytes(int64_t positions, int64_t chunk) const {
  return static_cast<int64_t>(BytesOfBlocks(BlocksFor(positions), chunk));
}

int64_t CacheArenas::MaxPositions(int64_t chunk) const {
  int64_t fits = 0;
  int64_t too_many = kMostBlocks;
  while (too_many - fits > 1) {
    const int64_t middle = fits + (too_many - fits) / 2;
    const bool within = BytesOfBlocks(middle, chunk) <= static_cast<double>(capacity_bytes_);
    (within ? fits : too_many) = middle;
  }
  return fits * kBlockTokens;
}

}  // namespace firstlight
