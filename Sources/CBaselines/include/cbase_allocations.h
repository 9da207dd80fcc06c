/// Counts calls that allocate heap memory in this process, by standing in for the C library's own functions.
#ifndef CBASE_ALLOCATIONS_H
#define CBASE_ALLOCATIONS_H

#include <stdint.h>

/// Whether the counters work in this build; the sanitizers bring an allocator of their own, and then they do not.
_Bool cbase_allocations_are_counted(void);

/// Sets the count to zero and counts malloc, calloc, realloc, posix_memalign and aligned_alloc from now on, in all
/// threads.
void cbase_allocations_start(void);

/// Stops counting and returns how many calls there were.
uint64_t cbase_allocations_stop(void);

#endif
