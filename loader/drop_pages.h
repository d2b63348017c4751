#ifndef FIRSTLIGHT_LOADER_DROP_PAGES_H_
#define FIRSTLIGHT_LOADER_DROP_PAGES_H_

#include <cstddef>

namespace firstlight {

// Takes the pages of `bytes` bytes from `address` on, where a page begins, out of the page tables;
// the mapping stays. Those of a file stay in the page cache and come back when they are touched;
// private memory is freed, and reads as zeros. Locked pages stay.
//
// Before a large munmap, this keeps it from holding up other threads. The system empties page
// tables under the lock of the process's address space, a millisecond or so for each GB, and
// meanwhile nobody's mmap, mprotect or brk goes on, nor what needs them: malloc, a new thread, the
// next part of a KV cache. Here it is done in pieces, and they come between.
void DropPages(const void* address, size_t bytes);

}  // namespace firstlight

#endif  // FIRSTLIGHT_LOADER_DROP_PAGES_H_
