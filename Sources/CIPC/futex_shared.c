#include "CIPC.h"

#include <errno.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

// The kernel's struct futex_waitv, which older headers do not have.
typedef struct {
    uint64_t value;
    uint64_t address;
    uint32_t flags;
    uint32_t reserved;
} watched;

#define WORD_OF_32_BITS 2
#define PRIVATE 128

static struct timespec instant(uint64_t nanoseconds) {
    return (struct timespec){(time_t)(nanoseconds / 1000000000u), (long)(nanoseconds % 1000000000u)};
}

int32_t cipc_futex_shared_wake(const void *word, int32_t count) {
    long result = syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0);
    return result < 0 ? -errno : (int32_t)result;
}

int32_t cipc_futex_shared_wait_any(const cipc_futex_expectation *words, int32_t count, uint64_t deadline) {
    watched list[CIPC_FUTEX_WORDS];
    if (count < 1 || count > CIPC_FUTEX_WORDS) return -EINVAL;
    memset(list, 0, sizeof list[0] * (size_t)count);
    for (int32_t i = 0; i < count; i++) {
        list[i].value = words[i].expected;
        list[i].address = (uint64_t)(uintptr_t)words[i].word;
        list[i].flags = WORD_OF_32_BITS | (words[i].is_private ? PRIVATE : 0);
    }
    struct timespec limit = instant(deadline);
    long result = syscall(SYS_futex_waitv, list, count, 0, deadline == UINT64_MAX ? NULL : &limit, CLOCK_MONOTONIC);
    return result < 0 ? -errno : (int32_t)result;
}

int32_t cipc_futex_shared_wait(const void *word, uint32_t expected, uint64_t deadline) {
    struct timespec limit = instant(deadline);
    // The bit set form takes an instant, where plain FUTEX_WAIT takes a duration.
    long result = syscall(SYS_futex, word, FUTEX_WAIT_BITSET, expected, deadline == UINT64_MAX ? NULL : &limit, NULL,
                          FUTEX_BITSET_MATCH_ANY);
    return result < 0 ? -errno : (int32_t)result;
}
