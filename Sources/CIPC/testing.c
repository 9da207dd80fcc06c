#include "CIPC.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

void cipc_kill_self(void) {
    for (;;) kill(getpid(), SIGKILL);
}

int32_t cipc_fork(int32_t (*body)(void *), void *context) {
    pid_t child = fork();
    if (child == 0) {
        // One that goes wrong ends by itself when whoever made it is gone: a minute of a processor is more than any needs.
        struct rlimit limit = {60, 120};
        setrlimit(RLIMIT_CPU, &limit);
        _exit(body(context));
    }
    return child < 0 ? -errno : child;
}

void cipc_abort(void) { abort(); }

int32_t cipc_raise_descriptor_limit(int32_t count) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
    if (limit.rlim_cur < (rlim_t)count && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max < (rlim_t)count ? limit.rlim_max : (rlim_t)count;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
    }
    return limit.rlim_cur > INT32_MAX ? INT32_MAX : (int32_t)limit.rlim_cur;
}

int32_t cipc_lift_queue_byte_limit(void) {
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    return setrlimit(RLIMIT_MSGQUEUE, &limit) < 0 ? -errno : 0;
}
