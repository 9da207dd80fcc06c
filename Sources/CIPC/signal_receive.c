#include "CIPC.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HIGHEST_SIGNAL 64
// As many as a handler takes along at once: 1 KiB of what may be a small alternate stack.
#define BATCH 16

_Static_assert(sizeof(cipc_signal_record) == 32, "the pipe carries whole records");
_Static_assert(BATCH * sizeof(cipc_signal_record) <= 4096, "a write of at most PIPE_BUF is all or nothing");

static int32_t pipes[CIPC_SIGNAL_LANE_COUNT] = {-1, -1};
// In the child of a fork the pipe still is the parent's.
static int32_t owner; // Changed with atomic stores: a handler may be reading it.

static struct {
    int32_t lane;
    int32_t chains;
    uint64_t lost;
    // Never freed: a handler on another thread may be reading it.
    const struct sigaction *earlier;
} entries[HIGHEST_SIGNAL + 1];

static void fill(cipc_signal_record *record, const siginfo_t *information) {
    record->signal = information->si_signo;
    record->code = information->si_code;
    record->number = information->si_errno;
    record->process = information->si_pid;
    record->user = information->si_uid;
    record->status = information->si_status;
    record->value = (uint64_t)(uintptr_t)information->si_value.sival_ptr;
}

static void write_records(int signal, int32_t lane, const cipc_signal_record *records, int count) {
    int32_t descriptor = __atomic_load_n(&pipes[lane], __ATOMIC_ACQUIRE);
    long length = (long)(count * sizeof *records);
    long result = -EBADF;
    if (descriptor >= 0) {
        do result = cipc_syscall6(SYS_write, descriptor, (long)records, length, 0, 0, 0);
        while (result == -EINTR);
    }
    if (result != length) __atomic_fetch_add(&entries[signal].lost, (uint64_t)count, __ATOMIC_RELAXED);
}

// Real-time signals queue, and this one is blocked while its handler runs: those that wait are taken along without a
// handler's frame for each.
static int take_more(int signal, cipc_signal_record *records) {
    uint64_t set = (uint64_t)1 << (signal - 1);
    struct { long seconds, nanoseconds; } none = {0, 0};
    int count = 0;
    while (count < BATCH) {
        siginfo_t information;
        long found = cipc_syscall6(SYS_rt_sigtimedwait, (long)&set, (long)&information, (long)&none, 8, 0, 0);
        if (found != signal) break;
        fill(&records[count++], &information);
    }
    return count;
}

static void call_earlier(const struct sigaction *earlier, int signal, siginfo_t *information, void *context) {
    if (!earlier) return;
    if (earlier->sa_flags & SA_SIGINFO) {
        earlier->sa_sigaction(signal, information, context);
    } else if (earlier->sa_handler != SIG_DFL && earlier->sa_handler != SIG_IGN) {
        earlier->sa_handler(signal);
    }
}

// The child of a fork does with the signal what it would have done without this library: once this handler has returned,
// since the signal is blocked until then.
static void hand_back(int signal, siginfo_t *information, int32_t process) {
    const struct sigaction *earlier = __atomic_load_n(&entries[signal].earlier, __ATOMIC_ACQUIRE);
    if (earlier) sigaction(signal, earlier, NULL);
    cipc_syscall6(SYS_rt_tgsigqueueinfo, process, syscall(SYS_gettid), signal, (long)information, 0, 0);
}

// Async-signal-safe: raw system calls, atomics, and what sigaction(2) is.
static void receive(int signal, siginfo_t *information, void *context) {
    int saved = errno;
    int32_t process = (int32_t)cipc_syscall6(SYS_getpid, 0, 0, 0, 0, 0, 0);
    if (process != __atomic_load_n(&owner, __ATOMIC_RELAXED)) {
        hand_back(signal, information, process);
        errno = saved;
        return;
    }
    cipc_signal_record records[BATCH];
    int32_t lane = __atomic_load_n(&entries[signal].lane, __ATOMIC_RELAXED);
    fill(&records[0], information);
    write_records(signal, lane, records, 1);
    if (__atomic_load_n(&entries[signal].chains, __ATOMIC_RELAXED)) {
        errno = saved;
        call_earlier(__atomic_load_n(&entries[signal].earlier, __ATOMIC_ACQUIRE), signal, information, context);
    } else if (signal >= SIGRTMIN) {
        // Bounded, so that a flood of signals does not keep this thread for ever.
        for (int round = 0; round < 64; round++) {
            int count = take_more(signal, records);
            if (count > 0) write_records(signal, lane, records, count);
            if (count < BATCH) break;
        }
    }
    errno = saved;
}

void cipc_signal_set_pipe(int32_t lane, int32_t descriptor) {
    __atomic_store_n(&owner, getpid(), __ATOMIC_RELAXED);
    __atomic_store_n(&pipes[lane], descriptor, __ATOMIC_RELEASE);
}

static int is_ours(const struct sigaction *action) {
    return (action->sa_flags & SA_SIGINFO) && action->sa_sigaction == receive;
}

static int keep(int32_t signal, const struct sigaction *found) {
    const struct sigaction *kept = entries[signal].earlier;
    // The same as last time, mostly: then nothing is allocated.
    if (kept && memcmp(kept, found, sizeof *found) == 0) return 0;
    struct sigaction *copy = malloc(sizeof *copy);
    if (!copy) return -ENOMEM;
    *copy = *found;
    __atomic_store_n(&entries[signal].earlier, copy, __ATOMIC_RELEASE);
    return 0;
}

int32_t cipc_signal_install(int32_t signal, int32_t lane) {
    if (signal < 1 || signal > HIGHEST_SIGNAL) return -EINVAL;
    struct sigaction found, action;
    if (sigaction(signal, NULL, &found) < 0) return -errno;
    __atomic_store_n(&entries[signal].lane, lane, __ATOMIC_RELAXED);
    if (is_ours(&found)) return 0;
    int32_t result = keep(signal, &found);
    if (result < 0) return result;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = receive;
    action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
    int ignores = !(found.sa_flags & SA_SIGINFO) && found.sa_handler == SIG_IGN;
    int catches = (found.sa_flags & SA_SIGINFO) || (found.sa_handler != SIG_DFL && !ignores);
    // What the handler before blocked while it ran stays blocked for it where it is chained.
    if (catches) action.sa_mask = found.sa_mask;
    // Children of a host that ignores SIGCHLD leave no zombie, and go on doing so.
    if (signal == SIGCHLD && (ignores || (found.sa_flags & SA_NOCLDWAIT))) action.sa_flags |= SA_NOCLDWAIT;
    return sigaction(signal, &action, NULL) < 0 ? -errno : 0;
}

int32_t cipc_signal_restore(int32_t signal) {
    struct sigaction found;
    if (sigaction(signal, NULL, &found) < 0) return -errno;
    if (!is_ours(&found)) return 0;
    return sigaction(signal, entries[signal].earlier, NULL) < 0 ? -errno : 1;
}

int32_t cipc_signal_is_installed(int32_t signal) {
    struct sigaction found;
    return sigaction(signal, NULL, &found) == 0 && is_ours(&found);
}

void cipc_signal_chain(int32_t signal, int32_t enabled) {
    __atomic_store_n(&entries[signal].chains, enabled, __ATOMIC_RELAXED);
}

uint64_t cipc_signal_lost_count(int32_t signal) {
    return signal < 1 || signal > HIGHEST_SIGNAL ? 0 : __atomic_load_n(&entries[signal].lost, __ATOMIC_RELAXED);
}

void cipc_signal_admit(int32_t signal) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}
