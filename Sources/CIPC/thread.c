#include "CIPC.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

__thread void *cipc_thread_worker = NULL;

// The runtime of Swift's concurrency counts its tasks, for debuggers, and exports the count without a header. Weak, so that a
// runtime without them costs nothing but what the numbers are for.
__attribute__((weak, swiftcall)) void *swift_task_getCurrent(void);
__attribute__((weak, swiftcall)) uint64_t swift_task_getJobTaskId(void *task);

uint64_t cipc_task_number(void) {
    if (!swift_task_getCurrent || !swift_task_getJobTaskId) return 0;
    void *task = swift_task_getCurrent();
    return task ? swift_task_getJobTaskId(task) : 0;
}

typedef struct {
    void (*body)(void *);
    void *context;
    int unblocks_sigpipe;
    uint64_t released;
    char name[16];
} start;

// The host has blocked SIGPIPE where this thread comes from: that stays.
static __thread int host_blocks_sigpipe = 0;

void cipc_thread_block_sigpipe(void) {
    sigset_t pipe_signal, old;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, &old);
    if (!cipc_thread_blocks_sigpipe) host_blocks_sigpipe = sigismember(&old, SIGPIPE);
    cipc_thread_blocks_sigpipe = 1;
}

void cipc_thread_unblock_sigpipe(void) {
    if (host_blocks_sigpipe) return;
    sigset_t pipe_signal;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    // What broken pipes have left on this thread is for nobody.
    struct timespec zero = {0, 0};
    while (sigtimedwait(&pipe_signal, NULL, &zero) < 0 && errno == EINTR) {
    }
    pthread_sigmask(SIG_UNBLOCK, &pipe_signal, NULL);
    cipc_thread_blocks_sigpipe = 0;
}

static void *run(void *argument) {
    start given = *(start *)argument;
    free(argument);
    // A thread inherits the mask of the one that starts it, which may be a worker.
    if (given.unblocks_sigpipe) cipc_thread_unblock_sigpipe();
    cipc_signal_release(given.released);
    pthread_setname_np(pthread_self(), given.name);
    given.body(given.context);
    return NULL;
}


int32_t cipc_thread_start(const char *name, void (*body)(void *), void *context) {
    start *given = calloc(1, sizeof *given);
    if (!given) return -ENOMEM;
    given->body = body;
    given->context = context;
    for (size_t i = 0; i < sizeof given->name - 1 && name[i]; i++) given->name[i] = name[i];
    given->unblocks_sigpipe = cipc_thread_blocks_sigpipe && !host_blocks_sigpipe;
    given->released = cipc_signal_held();
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_t thread;
    int result = pthread_create(&thread, &attributes, run, given);
    pthread_attr_destroy(&attributes);
    if (result != 0) free(given);
    return -result;
}

int32_t cipc_futex_wait(const uint32_t *word, uint32_t expected, int64_t nanoseconds) {
    struct timespec limit = {nanoseconds / 1000000000, nanoseconds % 1000000000};
    long result = syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, nanoseconds < 0 ? NULL : &limit, NULL, 0);
    return result < 0 ? -errno : 0;
}

int32_t cipc_futex_wake(const uint32_t *word, int32_t count) {
    long result = syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
    return result < 0 ? -errno : (int32_t)result;
}

int32_t cipc_usable_processors(void) {
    cpu_set_t set;
    CPU_ZERO(&set);
    return sched_getaffinity(0, sizeof set, &set) < 0 ? 1 : CPU_COUNT(&set);
}

int32_t cipc_process_id(void) { return getpid(); }
int32_t cipc_thread_id(void) { return gettid(); }
uint32_t cipc_effective_user(void) { return geteuid(); }
uint32_t cipc_effective_group(void) { return getegid(); }

void cipc_yield(void) { sched_yield(); }
