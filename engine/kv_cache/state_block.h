#ifndef FIRSTLIGHT_ENGINE_KV_CACHE_STATE_BLOCK_H_
#define FIRSTLIGHT_ENGINE_KV_CACHE_STATE_BLOCK_H_

// The states of one sequence in the layers that recur (engine/recurrent), beside its keys and
// values: one block of a size that no length changes, of the same budget.
//
// They are those behind the last position computed. Unlike keys and values they cannot go back, and
// a sequence that goes on from another's prompt has a copy of its own. Contents are undefined until
// the first position is computed. Not thread safe: the engine thread reserves and releases; during
// a forward pass the workers read and write.

#include <cstdint>

#include "engine/kv_cache/block_pool.h"

namespace firstlight {

class StateBlock {
 public:
  // `arena`, whose blocks are as large as the states, outlives it; null where the model has none:
  // then there is always room, and nothing is held.
  explicit StateBlock(BlockArena* arena) : arena_(arena) {}
  ~StateBlock() { Release(); }
  StateBlock(const StateBlock&) = delete;
  StateBlock& operator=(const StateBlock&) = delete;

  // False when the budget has no room.
  bool Reserve();
  // What Reserve would take of the budget.
  int64_t MissingBytes() const;
  // Takes over the contents of `other`, of the same arena. REQUIRES: both are reserved.
  void CopyFrom(const StateBlock& other);
  // Gives the block back; contents are lost.
  void Release();

  bool holds_memory() const { return block_ != nullptr; }
  // Null where it is not reserved or the model has no states.
  float* data() const { return block_; }

 private:
  BlockArena* const arena_;
  float* block_ = nullptr;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_KV_CACHE_STATE_BLOCK_H_
