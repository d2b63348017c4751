#ifndef FIRSTLIGHT_LOADER_RESIDENCY_MAPPED_PAGE_READER_H_
#define FIRSTLIGHT_LOADER_RESIDENCY_MAPPED_PAGE_READER_H_

// The PageReader of the real system: MADV_POPULATE_READ over the mapping, which reads at the
// device's speed when several threads do it, maps what it has read, and answers a truncated or
// unreadable file with an error where touching the page would raise SIGBUS.
//
// - What is mapped already is recognised in the page tables and costs about 0.1 ms for 16 MiB.
// - Ranges apart from each other (rows of an embedding) are announced to the kernel all at once
//   first, so that the device sees a queue and not one page after the other.
// - A network or FUSE file system is read through read(2) in sequence first, which is what its
//   read-ahead understands, and mapped then.
// - A kernel before 5.14 has no MADV_POPULATE_READ: there the bytes are read and discarded, and
//   whoever touches them takes a minor fault for each sixteen pages.

#include <memory>
#include <string>

#include "loader/residency/page_reader.h"

namespace firstlight {

struct MappedPageReaderOptions {
  // Treats the kernel as one without MADV_POPULATE_READ.
  bool without_populate = false;
  // Treats every file system as one that wants sequential reads.
  bool sequential = false;
  // Where /proc and /sys are.
  std::string root = "/";
};

std::unique_ptr<PageReader> NewMappedPageReader(const MappedPageReaderOptions& options = {});

}  // namespace firstlight

#endif  // FIRSTLIGHT_LOADER_RESIDENCY_MAPPED_PAGE_READER_H_
