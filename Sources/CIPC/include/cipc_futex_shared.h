// Futexes on words that several processes share: the private flag is never set on those. futex(2), futex_waitv(2).
#ifndef CIPC_FUTEX_SHARED_H
#define CIPC_FUTEX_SHARED_H

#include "cipc_types.h"

/// One word to sleep on. The same layout as struct futex_waitv.
typedef struct cipc_futex_entry {
    uint64_t expected;
    uint64_t address;
    uint32_t flags;
    uint32_t reserved;
} cipc_futex_entry;

/// The flags of a word that processes share, and of one that only this process knows.
#define CIPC_FUTEX_SHARED 2
#define CIPC_FUTEX_PRIVATE 130
/// The most words that one call takes.
#define CIPC_FUTEX_LIMIT 128

/// futex_waitv(2): sleeps while every word has its value, until `limit` (CLOCK_MONOTONIC nanoseconds, UINT64_MAX: none).
/// The result is the index of a word that was woken, or -EAGAIN when one is not as expected, -ETIMEDOUT, -EINTR, -EFAULT
/// when one is not mapped; -ENOSYS or -EPERM where the system refuses the call.
int32_t cipc_futex_wait_any(const cipc_futex_entry *_Nonnull entries, uint32_t count, uint64_t limit);
/// The same for two words that processes share.
int32_t cipc_futex_wait_two(const void *_Nonnull first, uint32_t first_expected, const void *_Nonnull second,
                            uint32_t second_expected, uint64_t limit);
/// futex(2) FUTEX_WAIT on `entries[primary]` alone, for at most 15 ms: where futex_waitv(2) is refused.
int32_t cipc_futex_wait_slice(const cipc_futex_entry *_Nonnull entries, uint32_t count, uint32_t primary,
                              uint64_t limit);
/// futex(2) FUTEX_WAKE without the private flag: wakes up to `count` threads of any process. The word
/// may be mapped read-only.
int32_t cipc_futex_wake_shared(const void *_Nonnull word, int32_t count);

#endif
