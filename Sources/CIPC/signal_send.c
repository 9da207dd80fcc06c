#include "CIPC.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static siginfo_t queued(int32_t signal, int32_t number, uint64_t value) {
    siginfo_t information;
    memset(&information, 0, sizeof information);
    information.si_signo = signal;
    information.si_errno = number;
    information.si_code = SI_QUEUE;
    information.si_pid = getpid();
    information.si_uid = getuid();
    information.si_value.sival_ptr = (void *)(uintptr_t)value;
    return information;
}

int32_t cipc_signal_queue(int32_t process, int32_t signal, int32_t number, uint64_t value) {
    siginfo_t information = queued(signal, number, value);
    return (int32_t)cipc_syscall6(SYS_rt_sigqueueinfo, process, signal, (long)&information, 0, 0, 0);
}

int32_t cipc_signal_queue_thread(int32_t process, int32_t thread, int32_t signal, int32_t number, uint64_t value) {
    siginfo_t information = queued(signal, number, value);
    return (int32_t)cipc_syscall6(SYS_rt_tgsigqueueinfo, process, thread, signal, (long)&information, 0, 0);
}

int32_t cipc_signal_queue_pidfd(int32_t pidfd, int32_t signal, int32_t number, uint64_t value) {
    siginfo_t information = queued(signal, number, value);
    return (int32_t)cipc_syscall6(SYS_pidfd_send_signal, pidfd, signal, (long)&information, 0, 0, 0);
}

int32_t cipc_pidfd_open(int32_t process, int32_t is_thread) {
    // PIDFD_THREAD is O_EXCL.
    return (int32_t)cipc_syscall6(SYS_pidfd_open, process, is_thread ? O_EXCL : 0, 0, 0, 0, 0);
}

int32_t cipc_thread_signal(int32_t process, int32_t thread, int32_t signal) {
    return (int32_t)cipc_syscall6(SYS_tgkill, process, thread, signal, 0, 0, 0);
}

// A file of /proc as a string; its length, or a negative errno.
static long read_fact(int32_t process, const char *name, char *text, size_t capacity) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", process, name);
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return errno == ENOENT ? -ESRCH : -errno;
    size_t length = 0;
    long result = 0;
    while (length < capacity - 1) {
        result = read(descriptor, text + length, capacity - 1 - length);
        if (result < 0 && errno == EINTR) continue;
        if (result <= 0) break;
        length += (size_t)result;
    }
    if (result < 0) result = -errno;
    close(descriptor);
    text[length] = 0;
    return result < 0 ? result : (long)length;
}

int32_t cipc_signal_process_facts(int32_t process, uint64_t *caught, uint64_t *start) {
    char text[8192];
    *caught = 0;
    *start = 0;
    long result = read_fact(process, "status", text, sizeof text);
    if (result < 0) return (int32_t)result;
    // At the start of a line: the first line has the program's name, which may be anything.
    const char *line = strstr(text, "\nSigCgt:");
    if (line) *caught = strtoull(line + 8, NULL, 16);
    result = read_fact(process, "stat", text, sizeof text);
    if (result < 0) return (int32_t)result;
    // The name stands in parentheses and may contain some; the start is field 22, the 20th after them.
    const char *field = strrchr(text, ')');
    for (int index = 0; field && index < 20; index++) field = strchr(field + 1, ' ');
    if (field) *start = strtoull(field + 1, NULL, 10);
    return 0;
}

uint64_t cipc_signal_queue_limit(void) {
    struct rlimit limit;
    return getrlimit(RLIMIT_SIGPENDING, &limit) < 0 ? 0 : (uint64_t)limit.rlim_cur;
}

int32_t cipc_parent_process_id(void) { return getppid(); }
