#ifndef FIRSTLIGHT_LOADER_RESIDENCY_LOW_PRIORITY_H_
#define FIRSTLIGHT_LOADER_RESIDENCY_LOW_PRIORITY_H_

namespace firstlight {

// The calling thread gives way to those that compute from now on: nice 10, batch scheduling (it
// does not preempt on waking), the lowest of the ordinary I/O priorities, and `name` (15
// characters at most). What the system refuses is left as it is.
void LowerThreadPriority(const char* name);

}  // namespace firstlight

#endif  // FIRSTLIGHT_LOADER_RESIDENCY_LOW_PRIORITY_H_
