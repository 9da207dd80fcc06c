#include "CIPC.h"
#include "signal_record.h"

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
// In the child of a fork a pipe still is the parent's, until the child has made its own.
static int32_t owners[CIPC_SIGNAL_LANE_COUNT]; // Changed with atomic stores: a handler may be reading them.
static uint64_t lost_of_lanes[CIPC_SIGNAL_LANE_COUNT];
static uint64_t written_to_lanes[CIPC_SIGNAL_LANE_COUNT];

// A disposition. Never freed: a handler on another thread may be reading it.
struct kept {
    struct sigaction action;
    const struct kept *next;
};

static struct {
    int32_t lane;
    int32_t chains;
    // Whether anybody receives the signal. Without, this handler stands for the one before it.
    int32_t used;
    uint64_t lost;
    const struct kept *earlier, *own;
} entries[HIGHEST_SIGNAL + 1];

// Where this thread calls the handler before ours. That one may have been hooked over ours, and calls ours in turn.
static __thread struct {
    const void *context;
    const char *frame;
} calling[HIGHEST_SIGNAL + 1];

static long write_bytes(int32_t lane, const cipc_signal_record *records, long length) {
    int32_t descriptor = __atomic_load_n(&pipes[lane], __ATOMIC_ACQUIRE);
    long result = -EBADF;
    if (descriptor >= 0) {
        do result = cipc_syscall6(SYS_write, descriptor, (long)records, length, 0, 0, 0);
        while (result == -EINTR);
    }
    // After the write: whoever finds the count as it was may miss what has just been written, and never the poller.
    if (result > 0) {
        __atomic_fetch_add(&written_to_lanes[lane], (uint64_t)result / sizeof *records, __ATOMIC_RELAXED);
    }
    return result;
}

static void write_records(int signal, int32_t lane, const cipc_signal_record *records, int count) {
    long length = (long)(count * sizeof *records);
    if (write_bytes(lane, records, length) == length) return;
    __atomic_fetch_add(&entries[signal].lost, (uint64_t)count, __ATOMIC_RELAXED);
    __atomic_fetch_add(&lost_of_lanes[lane], (uint64_t)count, __ATOMIC_SEQ_CST);
    // The reader may have emptied the pipe since, and would look at the count no more. If this finds no room either, there
    // is something that is read after the count has changed.
    cipc_signal_record mark;
    memset(&mark, 0, sizeof mark);
    mark.signal = signal;
    mark.code = CIPC_SIGNAL_LOSS_CODE;
    write_bytes(lane, &mark, sizeof mark);
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
        cipc_signal_fill(&records[count++], &information);
    }
    return count;
}

static void call_earlier(int signal, siginfo_t *information, void *context) {
    const struct kept *earlier = __atomic_load_n(&entries[signal].earlier, __ATOMIC_ACQUIRE);
    if (!earlier) return;
    const struct sigaction *action = &earlier->action;
    const void *outer_context = calling[signal].context;
    const char *outer_frame = calling[signal].frame;
    calling[signal].context = context;
    calling[signal].frame = __builtin_frame_address(0);
    if (action->sa_flags & SA_SIGINFO) {
        action->sa_sigaction(signal, information, context);
    } else if (action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN) {
        action->sa_handler(signal);
    }
    calling[signal].context = outer_context;
    calling[signal].frame = outer_frame;
}

// Whether the handler that this thread calls has called back. One that left by a jump may have left its mark: the next
// signal may find the same context then, but not a deeper frame.
static int is_called_back(int signal, const void *context) {
    return calling[signal].context == context && (const char *)__builtin_frame_address(0) < calling[signal].frame;
}

static int is_ours(const struct sigaction *action);

// Does with the signal what would have been done without this library: in the child of a fork, or where nobody receives it
// and the handler was put back by somebody who had found it.
static void hand_back(int signal, siginfo_t *information, void *context, int32_t process) {
    struct sigaction found;
    const struct kept *earlier = __atomic_load_n(&entries[signal].earlier, __ATOMIC_ACQUIRE);
    if (!earlier || sigaction(signal, NULL, &found) < 0) return;
    if (!is_ours(&found)) {
        // Called by a handler that was hooked over ours: its disposition stays, and it is not called twice.
        if (found.sa_sigaction != earlier->action.sa_sigaction) call_earlier(signal, information, context);
        return;
    }
    sigaction(signal, &earlier->action, NULL);
    // Blocked until this handler has returned.
    cipc_syscall6(SYS_rt_tgsigqueueinfo, process, syscall(SYS_gettid), signal, (long)information, 0, 0);
    // Somebody may have begun to receive it, and seen that the handler was there. (Not in a child, whose it is not.)
    if (process == __atomic_load_n(&owners[__atomic_load_n(&entries[signal].lane, __ATOMIC_RELAXED)], __ATOMIC_RELAXED)
        && __atomic_load_n(&entries[signal].used, __ATOMIC_SEQ_CST)) {
        const struct kept *own = __atomic_load_n(&entries[signal].own, __ATOMIC_ACQUIRE);
        if (own) sigaction(signal, &own->action, NULL);
    }
}

// Whether this thread is in `take_along`, and its handler was called by one that is hooked over it.
static __thread int is_taking_along;

// The handler that somebody has put over ours.
static int find_hook(int signal, struct sigaction *found) {
    if (sigaction(signal, NULL, found) < 0 || is_ours(found)) return 0;
    return (found->sa_flags & SA_SIGINFO) || (found->sa_handler != SIG_DFL && found->sa_handler != SIG_IGN);
}

int32_t cipc_signal_is_hooked(int32_t signal) {
    struct sigaction found;
    return find_hook(signal, &found);
}

// What has been taken from the kernel's queue is for the hook, which calls this handler if it likes, as for each signal.
static void call_hook(int signal, const struct sigaction *hook, const cipc_signal_record *record, void *context) {
    siginfo_t information;
    cipc_signal_restore_information(&information, record);
    if (hook->sa_flags & SA_SIGINFO) {
        hook->sa_sigaction(signal, &information, context);
    } else {
        hook->sa_handler(signal);
    }
}

static void take_along(int signal, int32_t lane, cipc_signal_record *records, void *context) {
    // Bounded, so that a flood of signals does not keep this thread for ever.
    for (int round = 0; round < 64; round++) {
        int count = take_more(signal, records);
        if (count == 0) return;
        // Asked after they were taken: whoever has put a handler over this one by then sees what came since, though this
        // handler may have been interrupted for long. Asked before, it would miss that.
        struct sigaction hook;
        if (find_hook(signal, &hook)) {
            // Until this handler returns, which restores the mask.
            sigprocmask(SIG_BLOCK, &hook.sa_mask, NULL);
            is_taking_along = 1;
            // No handler before ours is being called here: a mark was left by one that jumped away.
            calling[signal].context = NULL;
            for (int index = 0; index < count; index++) call_hook(signal, &hook, &records[index], context);
            is_taking_along = 0;
            return;
        }
        write_records(signal, lane, records, count);
        if (count < BATCH) return;
    }
}

// Async-signal-safe: raw system calls, atomics, and what sigaction(2) is.
static void receive(int signal, siginfo_t *information, void *context) {
    if (is_called_back(signal, context)) return;
    int saved = errno;
    int32_t process = (int32_t)cipc_syscall6(SYS_getpid, 0, 0, 0, 0, 0, 0);
    int32_t lane = __atomic_load_n(&entries[signal].lane, __ATOMIC_RELAXED);
    if (!__atomic_load_n(&entries[signal].used, __ATOMIC_SEQ_CST)
        || process != __atomic_load_n(&owners[lane], __ATOMIC_RELAXED)) {
        hand_back(signal, information, context, process);
        errno = saved;
        return;
    }
    cipc_signal_record records[BATCH];
    cipc_signal_fill(&records[0], information);
    write_records(signal, lane, records, 1);
    if (__atomic_load_n(&entries[signal].chains, __ATOMIC_RELAXED)) {
        errno = saved;
        call_earlier(signal, information, context);
    } else if (signal >= SIGRTMIN && !is_taking_along) {
        take_along(signal, lane, records, context);
    }
    errno = saved;
}

void cipc_signal_set_pipe(int32_t lane, int32_t descriptor) {
    __atomic_store_n(&owners[lane], getpid(), __ATOMIC_RELAXED);
    __atomic_store_n(&pipes[lane], descriptor, __ATOMIC_RELEASE);
}

static int is_ours(const struct sigaction *action) {
    return (action->sa_flags & SA_SIGINFO) && action->sa_sigaction == receive;
}

static int look_up(int32_t signal, struct sigaction *found) {
    // sigaction(3) leaves the rest of the mask as it is; dispositions are compared as bytes.
    memset(found, 0, sizeof *found);
    return sigaction(signal, NULL, found) < 0 ? -errno : 0;
}

// All that were kept so far, so that dispositions that come and go are kept once each.
static const struct kept *collection;

static const struct kept *keep(const struct sigaction *action) {
    for (const struct kept *kept = collection; kept; kept = kept->next) {
        if (memcmp(&kept->action, action, sizeof *action) == 0) return kept;
    }
    struct kept *copy = malloc(sizeof *copy);
    if (!copy) return NULL;
    copy->action = *action;
    copy->next = collection;
    collection = copy;
    return copy;
}

static struct sigaction handler_over(int32_t signal, const struct sigaction *found) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = receive;
    action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
    int ignores = !(found->sa_flags & SA_SIGINFO) && found->sa_handler == SIG_IGN;
    int catches = (found->sa_flags & SA_SIGINFO) || (found->sa_handler != SIG_DFL && !ignores);
    // What the handler before blocked while it ran stays blocked for it where it is chained.
    if (catches) action.sa_mask = found->sa_mask;
    // Children of a host that ignores SIGCHLD leave no zombie, and go on doing so.
    if (signal == SIGCHLD && (ignores || (found->sa_flags & SA_NOCLDWAIT))) action.sa_flags |= SA_NOCLDWAIT;
    return action;
}

int32_t cipc_signal_install(int32_t signal, int32_t lane) {
    if (signal < 1 || signal > HIGHEST_SIGNAL) return -EINVAL;
    struct sigaction found, replaced;
    __atomic_store_n(&entries[signal].lane, lane, __ATOMIC_RELAXED);
    __atomic_store_n(&entries[signal].used, 1, __ATOMIC_SEQ_CST);
    int32_t result = look_up(signal, &found);
    // Again as long as somebody else changes it meanwhile.
    for (int attempt = 0; result == 0 && attempt < 100 && !is_ours(&found); attempt++) {
        struct sigaction action = handler_over(signal, &found);
        const struct kept *earlier = keep(&found), *own = keep(&action);
        if (!earlier || !own) {
            result = -ENOMEM;
            break;
        }
        __atomic_store_n(&entries[signal].earlier, earlier, __ATOMIC_RELEASE);
        __atomic_store_n(&entries[signal].own, own, __ATOMIC_RELEASE);
        memset(&replaced, 0, sizeof replaced);
        if (sigaction(signal, &action, &replaced) < 0) {
            result = -errno;
        } else if (memcmp(&replaced, &found, sizeof found) == 0) {
            return 0;
        } else {
            found = replaced;
        }
    }
    if (result < 0) __atomic_store_n(&entries[signal].used, 0, __ATOMIC_SEQ_CST);
    return result;
}

int32_t cipc_signal_restore(int32_t signal) {
    struct sigaction found;
    __atomic_store_n(&entries[signal].used, 0, __ATOMIC_SEQ_CST);
    int32_t result = look_up(signal, &found);
    if (result < 0 || !is_ours(&found)) return result;
    return sigaction(signal, &entries[signal].earlier->action, NULL) < 0 ? -errno : 1;
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

uint64_t cipc_signal_lost_of_lane(int32_t lane) { return __atomic_load_n(&lost_of_lanes[lane], __ATOMIC_SEQ_CST); }

uint64_t cipc_signal_written_to_lane(int32_t lane) {
    return __atomic_load_n(&written_to_lanes[lane], __ATOMIC_RELAXED);
}

void cipc_signal_admit(int32_t signal) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}
