#include "CIPC.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

// splice and tee have no flag against SIGPIPE. The signal goes to the calling thread: masked there and taken from its
// pending set, it is seen by nobody; one that was pending before stays pending.
typedef struct {
    sigset_t old;
    int is_active, was_pending;
} guard;

static guard guard_begin(void) {
    guard state = {.is_active = !cipc_thread_blocks_sigpipe};
    if (!state.is_active) return state;
    sigset_t pipe_signal, pending;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    sigpending(&pending);
    state.was_pending = sigismember(&pending, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, &state.old);
    return state;
}

static void guard_end(const guard *state, long result) {
    if (!state->is_active) return;
    if (result == -EPIPE && !state->was_pending) {
        sigset_t pipe_signal;
        sigemptyset(&pipe_signal);
        sigaddset(&pipe_signal, SIGPIPE);
        struct timespec zero = {0, 0};
        while (sigtimedwait(&pipe_signal, NULL, &zero) < 0 && errno == EINTR) {
        }
    }
    pthread_sigmask(SIG_SETMASK, &state->old, NULL);
}

long cipc_splice(int32_t from, int32_t to, size_t count, int32_t more) {
    guard state = guard_begin();
    long result = splice(from, NULL, to, NULL, count, SPLICE_F_NONBLOCK | (more ? SPLICE_F_MORE : 0));
    if (result < 0) result = -errno;
    guard_end(&state, result);
    return result;
}

long cipc_tee(int32_t from, int32_t to, size_t count) {
    guard state = guard_begin();
    long result = tee(from, to, count, SPLICE_F_NONBLOCK);
    if (result < 0) result = -errno;
    guard_end(&state, result);
    return result;
}

int32_t cipc_poll_now(int32_t descriptor, int32_t events) {
    struct pollfd asked = {.fd = descriptor, .events = (short)events};
    int result = poll(&asked, 1, 0);
    return result < 0 ? -errno : asked.revents;
}

int32_t cipc_watch_opens(const char *path) {
    int watcher = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watcher < 0) return -errno;
    if (inotify_add_watch(watcher, path, IN_OPEN | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF) < 0) {
        int failure = errno;
        close(watcher);
        return -failure;
    }
    return watcher;
}
