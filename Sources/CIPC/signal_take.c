#include "CIPC.h"
#include "signal_record.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

// What this thread holds back and did let through before: threads that it starts meanwhile do not inherit that.
static __thread uint64_t held;

void cipc_signal_hold(int32_t signal) {
    uint64_t set = (uint64_t)1 << (signal - 1), before = 0;
    cipc_syscall6(SYS_rt_sigprocmask, SIG_BLOCK, (long)&set, (long)&before, 8, 0, 0);
    held = set & ~before;
}

void cipc_signal_let_through(void) {
    uint64_t set = held;
    held = 0;
    // That alone: the thread may have blocked another one meanwhile.
    cipc_signal_release(set);
}

uint64_t cipc_signal_held(void) { return held; }

void cipc_signal_release(uint64_t set) {
    if (set) cipc_syscall6(SYS_rt_sigprocmask, SIG_UNBLOCK, (long)&set, 0, 8, 0, 0);
}

int32_t cipc_signal_take(int32_t signal, cipc_signal_record *record) {
    uint64_t set = (uint64_t)1 << (signal - 1);
    struct { long seconds, nanoseconds; } none = {0, 0};
    siginfo_t information;
    long found = cipc_syscall6(SYS_rt_sigtimedwait, (long)&set, (long)&information, (long)&none, 8, 0, 0);
    if (found != signal) return CIPC_SIGNAL_TOOK_NOTHING;
    cipc_signal_fill(record, &information);
    // Asked after it was taken: so whoever puts a handler over ours misses nothing that comes later.
    if (!cipc_signal_is_hooked(signal)) return CIPC_SIGNAL_TOOK;
    // Once more, for that handler: to this thread, where it stands behind whatever came before it.
    long result = cipc_syscall6(
        SYS_rt_tgsigqueueinfo, getpid(), syscall(SYS_gettid), signal, (long)&information, 0, 0);
    return result == 0 ? CIPC_SIGNAL_PASSED_ON : CIPC_SIGNAL_TOOK_FROM_HOOK;
}
