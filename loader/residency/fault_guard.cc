#include "loader/residency/fault_guard.h"

#include <sys/mman.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "absl/base/attributes.h"
#include "absl/base/const_init.h"
#include "loader/base/mutex.h"
#include "loader/base/strings.h"
#include "loader/residency/prefetch_pieces.h"

namespace firstlight {
namespace fault_guard_internal {

// One range. The handler may read it while it is being taken or given back, so its fields are
// written between two steps of `sequence`, which is odd meanwhile (a seqlock).
struct Slot {
  std::atomic<uint32_t> sequence = 0;
  std::atomic<uintptr_t> begin = 0;  // 0: free
  std::atomic<uintptr_t> end = 0;
  std::atomic<int64_t> damage = -1;
};

}  // namespace fault_guard_internal

namespace {

using fault_guard_internal::Slot;

constexpr int64_t kNoDamage = -1;

// Slots come in blocks that are never freed: the handler may be in one at any time.
struct Block {
  std::array<Slot, 128> slots;
  std::atomic<Block*> next = nullptr;
};

// What a signal handler uses must exist before and after everything else: constant initialization,
// trivial destruction.
ABSL_CONST_INIT Block g_first_block;
ABSL_CONST_INIT Mutex g_registration;
ABSL_CONST_INIT std::atomic<bool> g_installed = false;
// The action before ours; written before our handler can run.
struct sigaction g_previous;

static_assert(std::atomic<uintptr_t>::is_always_lock_free);
static_assert(std::atomic<int64_t>::is_always_lock_free);

void Write(Slot* slot, uintptr_t begin, uintptr_t end)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(g_registration) {
  slot->sequence.fetch_add(1, std::memory_order_seq_cst);
  slot->begin.store(begin, std::memory_order_seq_cst);
  slot->end.store(end, std::memory_order_seq_cst);
  slot->damage.store(kNoDamage, std::memory_order_seq_cst);
  slot->sequence.fetch_add(1, std::memory_order_seq_cst);
}

Slot* TakeSlot(uintptr_t begin, uintptr_t end) {
  MutexLock lock(&g_registration);
  Block* block = &g_first_block;
  while (true) {
    for (Slot& slot : block->slots) {
      if (slot.begin.load(std::memory_order_relaxed) == 0) {
        Write(&slot, begin, end);
        return &slot;
      }
    }
    Block* next = block->next.load(std::memory_order_relaxed);
    if (next == nullptr) {
      next = new Block;
      block->next.store(next, std::memory_order_release);
    }
    block = next;
  }
}

struct Range {
  uintptr_t begin = 0;
  uintptr_t end = 0;
};

// The range in `slot`; empty when it is free or being written. A range that somebody is faulting in
// is neither: it is registered for as long as it is mapped.
Range ReadSlot(const Slot& slot) {
  const uint32_t before = slot.sequence.load(std::memory_order_seq_cst);
  const Range range = {.begin = slot.begin.load(std::memory_order_seq_cst),
                       .end = slot.end.load(std::memory_order_seq_cst)};
  const uint32_t after = slot.sequence.load(std::memory_order_seq_cst);
  return before == after && before % 2 == 0 ? range : Range{};
}

// Async-signal-safe. Zeros from the page of `fault` to the end of its range, all at once: one
// fault tells that the range is lost, and a truncated file would raise one for every page.
bool Repair(std::byte* fault, uintptr_t page_bytes) {
  const auto address = reinterpret_cast<uintptr_t>(fault);
  const uintptr_t into_page = address % page_bytes;
  for (Block* block = &g_first_block; block != nullptr;
       block = block->next.load(std::memory_order_acquire)) {
    for (Slot& slot : block->slots) {
      const Range range = ReadSlot(slot);
      if (address < range.begin || address >= range.end) continue;
      // Marked first: a thread that reads a zero finds the mark.
      int64_t expected = kNoDamage;
      slot.damage.compare_exchange_strong(expected, static_cast<int64_t>(address - range.begin),
                                          std::memory_order_seq_cst);
      return mmap(fault - into_page, range.end - (address - into_page), PROT_READ,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) != MAP_FAILED;
    }
  }
  return false;
}

void OnBusError(int signal, siginfo_t* info, void*) {
  const int saved_errno = errno;
  // Sent by a process, or of the program's own making (a misaligned access): not a lost page.
  const bool lost_page = info->si_code > 0 && info->si_code != BUS_ADRALN;
  if (lost_page &&
      Repair(static_cast<std::byte*>(info->si_addr), static_cast<uintptr_t>(PageBytes()))) {
    errno = saved_errno;
    return;
  }
  // The instruction is run again and faults again, then under the action before ours, whose core
  // dump shows where. A signal that was sent has to be sent again.
  sigaction(SIGBUS, &g_previous, nullptr);
  if (info->si_code <= 0) raise(signal);
  errno = saved_errno;
}

}  // namespace

GuardedRange::GuardedRange(absl::Span<const std::byte> bytes)
    : slot_(TakeSlot(reinterpret_cast<uintptr_t>(bytes.data()),
                     reinterpret_cast<uintptr_t>(bytes.data()) + bytes.size())) {}

GuardedRange::~GuardedRange() {
  MutexLock lock(&g_registration);
  Write(slot_, 0, 0);
}

std::optional<int64_t> GuardedRange::damage() const {
  const int64_t damage = slot_->damage.load(std::memory_order_seq_cst);
  return damage == kNoDamage ? std::nullopt : std::optional<int64_t>(damage);
}

absl::StatusOr<std::unique_ptr<FaultGuard>> FaultGuard::Install() {
  if (g_installed.exchange(true)) {
    return absl::FailedPreconditionError("a FaultGuard is installed already");
  }
  PageBytes();  // asks the system once, outside of the handler
  struct sigaction action = {};
  action.sa_sigaction = OnBusError;
  sigemptyset(&action.sa_mask);
  // On the thread's alternate stack where it has one.
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  if (sigaction(SIGBUS, nullptr, &g_previous) != 0 || sigaction(SIGBUS, &action, nullptr) != 0) {
    const int error = errno;
    g_installed.store(false);
    return absl::InternalError(StrCat("SIGBUS cannot be handled: ", strerror(error)));
  }
  return std::unique_ptr<FaultGuard>(new FaultGuard());
}

FaultGuard::~FaultGuard() {
  sigaction(SIGBUS, &g_previous, nullptr);
  g_installed.store(false);
}

}  // namespace firstlight
