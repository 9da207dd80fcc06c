#include "CIPC.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

_Static_assert(sizeof(cipc_futex_entry) == 24, "the layout of struct futex_waitv");

int32_t cipc_futex_wait_any(const cipc_futex_entry *entries, uint32_t count, uint64_t limit) {
    struct timespec until = {(time_t)(limit / 1000000000), (long)(limit % 1000000000)};
    long result =
        syscall(SYS_futex_waitv, entries, count, 0, limit == UINT64_MAX ? NULL : &until, CLOCK_MONOTONIC);
    return result < 0 ? -errno : (int32_t)result;
}

int32_t cipc_futex_wait_two(const void *first, uint32_t first_expected, const void *second, uint32_t second_expected,
                            uint64_t limit) {
    const cipc_futex_entry entries[2] = {
        {first_expected, (uint64_t)(uintptr_t)first, CIPC_FUTEX_SHARED, 0},
        {second_expected, (uint64_t)(uintptr_t)second, CIPC_FUTEX_SHARED, 0},
    };
    return cipc_futex_wait_any(entries, 2, limit);
}

int32_t cipc_futex_wait_slice(const cipc_futex_entry *entries, uint32_t count, uint32_t primary, uint64_t limit) {
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t *word = (const uint32_t *)(uintptr_t)entries[i].address;
        if (__atomic_load_n(word, __ATOMIC_SEQ_CST) != (uint32_t)entries[i].expected) return -EAGAIN;
    }
    uint64_t now = cipc_monotonic_nanoseconds();
    if (limit <= now) return -ETIMEDOUT;
    uint64_t slice = limit - now < 15000000 ? limit - now : 15000000;
    struct timespec time = {0, (long)slice};
    int operation = FUTEX_WAIT | (entries[primary].flags == CIPC_FUTEX_PRIVATE ? FUTEX_PRIVATE_FLAG : 0);
    long result = syscall(SYS_futex, (void *)(uintptr_t)entries[primary].address, operation,
                          (uint32_t)entries[primary].expected, &time, NULL, 0);
    if (result >= 0) return 0;
    // The end of a slice is not the end of the wait.
    return errno == ETIMEDOUT && slice == 15000000 ? 0 : -errno;
}

int32_t cipc_futex_wake_shared(const void *word, int32_t count) {
    return syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0) < 0 ? -errno : 0;
}
