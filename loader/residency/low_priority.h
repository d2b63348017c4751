#ifndef FIRSTLIGHT_LOADER_RESIDENCY_LOW_PRIORITY_H_
#define FIRSTLIGHT_LOADER_RESIDENCY_LOW_PRIORITY_H_

namespace firstlight {

// The calling thread gives way to those that compute from now on: nice 10, batch scheduling (it
// does not preempt on waking) and the lowest of the ordinary I/O priorities. What the system
// refuses is left as it is. There is no way back: raising a priority takes a privilege.
void LowerThreadPriority();

}  // namespace firstlight

#endif  // FIRSTLIGHT_LOADER_RESIDENCY_LOW_PRIORITY_H_
