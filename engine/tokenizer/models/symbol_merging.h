#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_SYMBOL_MERGING_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_SYMBOL_MERGING_H_

// Byte-pair encoding itself (Sennrich et al., https://arxiv.org/abs/1508.07909): of all adjacent
// pairs that merge, the one of lowest rank, leftmost among equals, merges until none is left.
//
// n log n in the number of symbols, whatever they are: the symbols are a linked list in an array,
// the pairs a heap, and a pair that has gone is recognised when it comes up. A short piece, the
// usual case, is scanned instead.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "engine/tokenizer/models/merge_table.h"
#include "engine/tokenizer/text/cancellation.h"
#include "loader/base/status_macros.h"

namespace firstlight {

class SymbolMerging {
 public:
  static constexpr int32_t kNone = -1;

  struct Symbol {
    int32_t id = 0;
    // Neighbours, kNone at the ends. A symbol that was merged into the one before it has id kGone.
    int32_t previous = kNone;
    int32_t next = kNone;
    Merge with_next = {};
  };

  void Clear() { symbols_.clear(); }
  void Add(int32_t id) {
    const auto index = static_cast<int32_t>(symbols_.size());
    if (index > 0) {
      symbols_.back().next = index;
    }
    symbols_.push_back({.id = id, .previous = index - 1});
  }

  size_t size() const { return symbols_.size(); }
  const Symbol& operator[](size_t index) const { return symbols_[index]; }

  // Merges until nothing merges. `find_merge(left, right)` gives the Merge of the symbols at two
  // indices. What is left is the list from index 0 along `next`. Errors: CANCELLED.
  template <typename FindMerge>
  absl::Status Run(const FindMerge& find_merge, EncodeCancellation& cancellation) {
    if (symbols_.size() < 2) {
      return absl::OkStatus();
    }
    for (size_t i = 0; i + 1 < symbols_.size(); ++i) {
      symbols_[i].with_next = find_merge(static_cast<int32_t>(i), static_cast<int32_t>(i + 1));
      FIRSTLIGHT_RETURN_IF_ERROR(cancellation.Check(1));
    }
    if (symbols_.size() <= kScanUpTo) {
      RunByScanning(find_merge);
      return cancellation.Check(symbols_.size());
    }
    return RunWithHeap(find_merge, cancellation);
  }

 private:
  static constexpr int32_t kGone = -2;
  // Where scanning for the best pair again and again stops being cheaper than a heap.
  static constexpr size_t kScanUpTo = 48;

  template <typename FindMerge>
  void RunByScanning(const FindMerge& find_merge) {
    while (true) {
      int32_t best = kNone;
      uint32_t best_rank = Merge::kNoRank;
      for (int32_t i = 0; i != kNone; i = symbols_[i].next) {
        if (symbols_[i].with_next.rank < best_rank) {
          best = i;
          best_rank = symbols_[i].with_next.rank;
        }
      }
      if (best == kNone) {
        return;
      }
      MergeAt(best, find_merge);
    }
  }

  template <typename FindMerge>
  absl::Status RunWithHeap(const FindMerge& find_merge, EncodeCancellation& cancellation) {
    heap_.clear();
    for (size_t i = 0; i < symbols_.size(); ++i) {
      if (symbols_[i].with_next.rank != Merge::kNoRank) {
        heap_.push_back(Entry(static_cast<int32_t>(i)));
      }
    }
    std::make_heap(heap_.begin(), heap_.end(), std::greater<>());
    while (!heap_.empty()) {
      // A pop from a large heap misses the cache at each level.
      FIRSTLIGHT_RETURN_IF_ERROR(cancellation.Check(8));
      std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
      const uint64_t entry = heap_.back();
      heap_.pop_back();
      const auto index = static_cast<int32_t>(entry & 0xFFFFFFFF);
      if (symbols_[index].id == kGone || Entry(index) != entry) {
        continue;
      }
      MergeAt(index, find_merge);
      PushPair(index);
      PushPair(symbols_[index].previous);
    }
    return absl::OkStatus();
  }

  // Ranks order the heap, then positions.
  uint64_t Entry(int32_t index) const {
    return uint64_t{symbols_[index].with_next.rank} << 32 | static_cast<uint32_t>(index);
  }

  void PushPair(int32_t index) {
    if (index != kNone && symbols_[index].with_next.rank != Merge::kNoRank) {
      heap_.push_back(Entry(index));
      std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
    }
  }

  template <typename FindMerge>
  void MergeAt(int32_t index, const FindMerge& find_merge) {
    Symbol& symbol = symbols_[index];
    Symbol& absorbed = symbols_[symbol.next];
    symbol.id = symbol.with_next.id;
    symbol.next = absorbed.next;
    absorbed.id = kGone;
    if (symbol.next != kNone) {
      symbols_[symbol.next].previous = index;
      symbol.with_next = find_merge(index, symbol.next);
    } else {
      symbol.with_next = Merge();
    }
    if (symbol.previous != kNone) {
      symbols_[symbol.previous].with_next = find_merge(symbol.previous, index);
    }
  }

  std::vector<Symbol> symbols_;
  std::vector<uint64_t> heap_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_MODELS_SYMBOL_MERGING_H_
