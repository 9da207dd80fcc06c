// Futexes on words that several processes share: the private flag is never set. futex(2), futex_waitv(2).
#ifndef CIPC_FUTEX_SHARED_H
#define CIPC_FUTEX_SHARED_H

#include "cipc_types.h"

/// How many words one cipc_futex_shared_wait_any may watch. FUTEX_WAITV_MAX.
#define CIPC_FUTEX_WORDS 128

/// One word and the value that it is expected to have.
typedef struct cipc_futex_expectation {
    const void *_Nonnull word;
    uint32_t expected;
    /// 1: the word is this process's own, and no other maps it.
    uint32_t is_private;
} cipc_futex_expectation;

/// FUTEX_WAKE: wakes up to `count` that sleep on the word, in whatever process. The result is how many woke. The word
/// may be mapped read-only.
int32_t cipc_futex_shared_wake(const void *_Nonnull word, int32_t count);

/// futex_waitv(2): sleeps while each of `count` (at most CIPC_FUTEX_WORDS) words is as expected, until `deadline`
/// (CLOCK_MONOTONIC nanoseconds, UINT64_MAX: without limit). The result is the index of a word that was woken, or
/// -EAGAIN when one is not as expected, -ETIMEDOUT, -EINTR, -EFAULT when one is not mapped; -ENOSYS or -EPERM where the
/// system refuses the call.
int32_t cipc_futex_shared_wait_any(const cipc_futex_expectation *_Nonnull words, int32_t count, uint64_t deadline);

/// FUTEX_WAIT_BITSET: sleeps while one word is as expected, until `deadline` as above. 0 when it was woken, or a
/// negative errno as above.
int32_t cipc_futex_shared_wait(const void *_Nonnull word, uint32_t expected, uint64_t deadline);

#endif
