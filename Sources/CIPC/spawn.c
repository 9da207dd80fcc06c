#include "CIPC.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// A sanitizer's hooks keep state per thread, and the child runs on its parent's: none in what the child executes, nor
// in what that calls (`flatten` inlines it, in debug builds as well).
#if defined(__clang__)
#define CHILD __attribute__((disable_sanitizer_instrumentation, no_stack_protector, flatten))
#else
#define CHILD
#endif

#define HIGHEST_SIGNAL 64

// The kernel's own layout: libc's sigaction refuses signals 32 and 33, which posix_spawn therefore leaves ignored.
typedef struct {
    void *handler;
    unsigned long flags;
    void *restorer;
    uint64_t mask;
} kernel_sigaction;

typedef struct {
    const cipc_spawn_request *request;
    // Written by the child, read by the parent once clone has returned: the two never run at the same time.
    volatile int32_t step;
    volatile int32_t index;
    volatile int32_t error;
    int32_t parent;
} shared_state;

CHILD static inline long call(long number, long a, long b, long c, long d, long e) {
    return cipc_syscall6(number, a, b, c, d, e, 0);
}

CHILD static int failed(shared_state *shared, int32_t step, int32_t index, long result) {
    shared->step = step;
    shared->index = index;
    shared->error = (int32_t)-result;
    return 1;
}

CHILD static void reset_signals(void) {
    kernel_sigaction standard = {0};
    for (long number = 1; number <= HIGHEST_SIGNAL; number++) {
        if (number == SIGKILL || number == SIGSTOP) continue;
        call(SYS_rt_sigaction, number, (long)&standard, 0, 8, 0);
    }
}

CHILD static int set_process(shared_state *shared) {
    const cipc_spawn_request *request = shared->request;
    long result = 0;
    if (request->parent_death_signal) {
        result = call(SYS_prctl, PR_SET_PDEATHSIG, request->parent_death_signal, 0, 0, 0);
        // The parent may have died before the signal was armed.
        if (result >= 0 && call(SYS_getppid, 0, 0, 0, 0, 0) != shared->parent) result = -ESRCH;
        if (result < 0) return failed(shared, CIPC_SPAWN_PARENT_DEATH, 0, result);
    }
    if (request->process_group == CIPC_SPAWN_SESSION) {
        result = call(SYS_setsid, 0, 0, 0, 0, 0);
    } else if (request->process_group != CIPC_SPAWN_GROUP_INHERITED) {
        result = call(SYS_setpgid, 0, request->process_group, 0, 0, 0);
    }
    if (result < 0) return failed(shared, CIPC_SPAWN_GROUP, 0, result);
    if (request->creation_mask >= 0) call(SYS_umask, request->creation_mask, 0, 0, 0, 0);
    if (request->niceness != INT32_MIN) {
        result = call(SYS_setpriority, PRIO_PROCESS, 0, request->niceness, 0, 0);
        if (result < 0) return failed(shared, CIPC_SPAWN_PRIORITY, 0, result);
    }
    if (request->processors) {
        result = call(SYS_sched_setaffinity, 0, request->processor_word_count * (long)sizeof(uint64_t),
                      (long)request->processors, 0, 0);
        if (result < 0) return failed(shared, CIPC_SPAWN_PROCESSORS, 0, result);
    }
    if (request->directory) {
        result = call(SYS_chdir, (long)request->directory, 0, 0, 0, 0);
        if (result < 0) return failed(shared, CIPC_SPAWN_DIRECTORY, 0, result);
    }
    return 0;
}

// The descriptor table is the child's own copy (no CLONE_FILES). First everything is marked close-on-exec, then sources
// that a target would overwrite move above all targets, then each target is made, which is what clears its mark.
CHILD static int map_descriptors(shared_state *shared, int32_t *executable) {
    const cipc_spawn_request *request = shared->request;
    cipc_spawn_descriptor *descriptors = request->descriptors;
    long result = call(SYS_close_range, 0, (long)~0u, CLOSE_RANGE_CLOEXEC, 0, 0);
    if (result < 0) return failed(shared, CIPC_SPAWN_DESCRIPTOR, -1, result);

    int32_t highest = -1;
    for (int32_t i = 0; i < request->descriptor_count; i++) {
        if (descriptors[i].target > highest) highest = descriptors[i].target;
    }
    if (*executable >= 0 && *executable <= highest) {
        result = call(SYS_fcntl, *executable, F_DUPFD_CLOEXEC, highest + 1, 0, 0);
        if (result < 0) return failed(shared, CIPC_SPAWN_EXECUTE, -1, result);
        *executable = (int32_t)result;
    }
    for (int32_t i = 0; i < request->descriptor_count; i++) {
        // A source that is its own target is overwritten by nobody, since no target comes twice.
        if (descriptors[i].source > highest || descriptors[i].source == descriptors[i].target) continue;
        result = call(SYS_fcntl, descriptors[i].source, F_DUPFD_CLOEXEC, highest + 1, 0, 0);
        if (result < 0) return failed(shared, CIPC_SPAWN_DESCRIPTOR, i, result);
        descriptors[i].source = (int32_t)result;
    }
    for (int32_t i = 0; i < request->descriptor_count; i++) {
        result = descriptors[i].source == descriptors[i].target
                     ? call(SYS_fcntl, descriptors[i].target, F_SETFD, 0, 0, 0)
                     : call(SYS_dup3, descriptors[i].source, descriptors[i].target, 0, 0, 0);
        if (result < 0) return failed(shared, CIPC_SPAWN_DESCRIPTOR, i, result);
    }
    return 0;
}

CHILD static int set_limits(shared_state *shared) {
    const cipc_spawn_request *request = shared->request;
    for (int32_t i = 0; i < request->limit_count; i++) {
        uint64_t limit[2] = {request->limits[i].soft, request->limits[i].hard};
        long result = call(SYS_prlimit64, 0, request->limits[i].resource, (long)limit, 0, 0);
        if (result < 0) return failed(shared, CIPC_SPAWN_LIMIT, i, result);
    }
    return 0;
}

// The rules of execvp(3): a path that is not there is passed over, one that may not be run is passed over but
// remembered, any other failure ends the search.
CHILD static int execute(shared_state *shared, int32_t executable) {
    const cipc_spawn_request *request = shared->request;
    long arguments = (long)request->arguments, environment = (long)request->environment;
    if (executable >= 0) {
        long result = call(SYS_execveat, executable, (long)"", arguments, environment, AT_EMPTY_PATH);
        return failed(shared, CIPC_SPAWN_EXECUTE, -1, result);
    }
    long worst = -ENOENT;
    int32_t index = 0;
    for (int32_t i = 0; request->paths[i]; i++) {
        long result = call(SYS_execve, (long)request->paths[i], arguments, environment, 0, 0);
        switch (result) {
        case -ENOENT:
        case -ENOTDIR:
            if (i == 0) worst = result;
            break;
        case -EACCES:
            worst = result;
            index = i;
            break;
        default:
            return failed(shared, CIPC_SPAWN_EXECUTE, i, result);
        }
    }
    return failed(shared, CIPC_SPAWN_EXECUTE, index, worst);
}

CHILD static int child(void *context) {
    shared_state *shared = context;
    int32_t executable = shared->request->executable;
    uint64_t none = 0;
    reset_signals();
    if (!set_process(shared) && !map_descriptors(shared, &executable) && !set_limits(shared)) {
        // Last of all: until here no signal could end the child half-way, and no handler of the parent's could run.
        call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&none, 0, 8, 0);
        execute(shared, executable);
    }
    for (;;) call(SYS_exit_group, 127, 0, 0, 0, 0);
}

// glibc's other name of clone(2), which it exports as well. Sanitizers replace the first name and take any call of it for
// a fork of a program with threads.
extern int __clone(int (*body)(void *), void *stack, int flags, void *argument, ...);

int32_t cipc_spawn(const cipc_spawn_request *request, cipc_spawn_outcome *outcome) {
    // Of this thread, so that threads may spawn at the same time. The child's deepest call needs less than 1 KiB.
    _Alignas(16) char stack[16384];
    shared_state shared = {.request = request, .parent = getpid()};
    int pidfd = -1;
    uint64_t all = ~(uint64_t)0, old = 0;

    // Including 32 and 33, which libc's sigprocmask leaves out: a handler in the child would run in our memory.
    call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)&old, 8, 0);
    // No exit signal: a child that fails before exec is invisible to the host's SIGCHLD handler and to its
    // waitpid(-1). A successful exec sets it to SIGCHLD.
    int process = __clone(child, stack + sizeof stack, CLONE_VM | CLONE_VFORK | CLONE_PIDFD, &shared, &pidfd);
    int error = errno;
    call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&old, 0, 8, 0);

    *outcome = (cipc_spawn_outcome){.process = process, .pidfd = pidfd, .step = shared.step, .index = shared.index};
    if (process < 0) {
        outcome->step = CIPC_SPAWN_CLONE;
        return -error;
    }
    if (!shared.step) return 0;
    while (cipc_syscall6(SYS_waitid, P_PIDFD, pidfd, 0, WEXITED | __WALL, 0, 0) == -EINTR) {
    }
    close(pidfd);
    outcome->process = -1;
    outcome->pidfd = -1;
    return -shared.error;
}

int32_t cipc_reap(int32_t pidfd, int32_t keep, cipc_exit *result) {
    siginfo_t info = {0};
    int options = WEXITED | WNOHANG | __WALL | (keep ? WNOWAIT : 0);
    long outcome = cipc_syscall6(SYS_waitid, P_PIDFD, pidfd, (long)&info, options, 0, 0);
    if (outcome < 0) return (int32_t)outcome;
    result->code = info.si_pid == 0 ? 0 : info.si_code;
    result->status = info.si_status;
    return 0;
}

// linux/pidfd.h, as of Linux 6.15; older headers lack it.
typedef struct {
    uint64_t mask;
    uint64_t control_group;
    uint32_t ids[11];
    int32_t exit_code;
} pidfd_information;
#define GET_INFORMATION 0xC040FF0Bul // _IOWR(0xFF, 11, pidfd_information)
#define INFORMATION_EXIT (1u << 3)
_Static_assert(sizeof(pidfd_information) == 64, "the first published size of struct pidfd_info");

int32_t cipc_exit_information(int32_t pidfd, cipc_exit *result) {
    pidfd_information information = {.mask = INFORMATION_EXIT};
    long outcome = call(SYS_ioctl, pidfd, GET_INFORMATION, (long)&information, 0, 0);
    if (outcome < 0) return (int32_t)outcome;
    if (!(information.mask & INFORMATION_EXIT)) return -ENODATA;
    int status = information.exit_code;
    result->code = WIFEXITED(status) ? CLD_EXITED : WCOREDUMP(status) ? CLD_DUMPED : CLD_KILLED;
    result->status = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
    return 0;
}

int32_t cipc_pidfd_signal(int32_t pidfd, int32_t signal, int32_t whole_group) {
    long flags = whole_group ? 4 /* PIDFD_SIGNAL_PROCESS_GROUP */ : 0;
    return (int32_t)call(SYS_pidfd_send_signal, pidfd, signal, 0, flags, 0);
}

int32_t cipc_kill(int32_t process, int32_t signal) { return (int32_t)call(SYS_kill, process, signal, 0, 0, 0); }

size_t cipc_string_length(const char *string) { return strlen(string); }

extern char **environ;
char **cipc_environment(void) { return environ; }
int32_t cipc_unset_environment(const char *name) { return unsetenv(name) < 0 ? -errno : 0; }
