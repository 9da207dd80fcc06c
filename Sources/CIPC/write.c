// Writing to a pipe without SIGPIPE, and without touching its disposition.
#include "CIPC.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

__thread int32_t cipc_thread_blocks_sigpipe = 0;

#ifndef RWF_NOSIGNAL
#define RWF_NOSIGNAL 0x00000100 // Linux 6.18
#endif

// The signal that a broken pipe raises goes to the writing thread. Masked there and taken from its pending set, it is
// seen by nobody; one that was pending before stays pending.
static long write_masked(int32_t descriptor, const cipc_iovec *pieces, int32_t count) {
    sigset_t pipe_signal, old, pending;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    sigpending(&pending);
    int was_pending = sigismember(&pending, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, &old);
    long result = cipc_syscall3(CIPC_SYS_WRITEV, descriptor, (long)pieces, count);
    if (result == -EPIPE && !was_pending) {
        struct timespec zero = {0, 0};
        while (sigtimedwait(&pipe_signal, NULL, &zero) < 0 && errno == EINTR) {
        }
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return result;
}

long cipc_write_guarded(int32_t descriptor, const cipc_iovec *pieces, int32_t count) {
    static _Atomic int without_flag = 0;
    if (!atomic_load_explicit(&without_flag, memory_order_relaxed)) {
        long result = cipc_syscall6(CIPC_SYS_PWRITEV2, descriptor, (long)pieces, count, -1, -1, RWF_NOSIGNAL);
        if (result != -EOPNOTSUPP && result != -EINVAL && result != -ENOSYS) {
            return result;
        }
        // EINVAL and EOPNOTSUPP may also come from the descriptor itself: ask without the flag, and remember only if
        // the flag was what was refused.
        result = write_masked(descriptor, pieces, count);
        if (result >= 0 || result == -EAGAIN || result == -EPIPE) {
            atomic_store_explicit(&without_flag, 1, memory_order_relaxed);
        }
        return result;
    }
    return write_masked(descriptor, pieces, count);
}

enum { COPIED_TOGETHER = 4096 };

long cipc_write_gathered(int32_t descriptor, int32_t is_socket, const void *head, size_t head_count, const void *body,
                         size_t body_count) {
    if (head_count + body_count <= COPIED_TOGETHER) {
        char together[COPIED_TOGETHER];
        memcpy(together, head, head_count);
        if (body_count > 0) memcpy(together + head_count, body, body_count);
        return is_socket ? cipc_send(descriptor, together, head_count + body_count)
                         : cipc_write(descriptor, together, head_count + body_count);
    }
    if (is_socket) return cipc_send2(descriptor, head, head_count, body, body_count);
    cipc_iovec pieces[2] = {{(void *)head, head_count}, {(void *)body, body_count}};
    if (cipc_thread_blocks_sigpipe) return cipc_syscall3(CIPC_SYS_WRITEV, descriptor, (long)pieces, 2);
    return cipc_write_guarded(descriptor, pieces, 2);
}
