// Memory that is mapped twice in a row, barriers for other processes, and hints to the processor.
#ifndef CIPC_RING_H
#define CIPC_RING_H

#include "cipc_types.h"

/// mmap(2), shared, for reading and writing: `count` bytes from `offset` on, and right behind them the same bytes again,
/// so that what begins near the end goes on without a break. Both are multiples of the page size.
int64_t cipc_map_twice(int32_t descriptor, uint64_t offset, size_t count, void *_Nullable *_Nonnull address);
/// munmap(2) of what cipc_map_twice mapped.
int32_t cipc_unmap_twice(void *_Nonnull address, size_t count);

/// membarrier(2) MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED: this process takes part.
int32_t cipc_register_for_barriers(void);
/// membarrier(2) MEMBARRIER_CMD_GLOBAL_EXPEDITED: every thread of every process that takes part passes a full barrier.
int32_t cipc_barrier_everywhere(void);

/// Tells the processor that the cache line at `address` will be written soon.
static inline void cipc_prefetch_to_write(const void *_Nonnull address) {
#if defined(__x86_64__)
    __asm__ volatile("prefetchw %0" : : "m"(*(const char *)address));
#else
    __builtin_prefetch(address, 1);
#endif
}

#endif
