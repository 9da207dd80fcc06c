#include "CIPC.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BATCH 32

int32_t cipc_signal_open_queue(int32_t queue, uint64_t set) {
    return (int32_t)cipc_syscall6(SYS_signalfd4, queue, (long)&set, 8, SFD_NONBLOCK | SFD_CLOEXEC, 0, 0);
}

int32_t cipc_signal_hold(int32_t signal, uint64_t *mask) {
    if (!cipc_signal_is_installed(signal)) return 0;
    uint64_t set = (uint64_t)1 << (signal - 1);
    return cipc_syscall6(SYS_rt_sigprocmask, SIG_BLOCK, (long)&set, (long)mask, 8, 0, 0) == 0;
}

void cipc_signal_let_through(uint64_t mask) {
    cipc_syscall6(SYS_rt_sigprocmask, SIG_SETMASK, (long)&mask, 0, 8, 0, 0);
}

int32_t cipc_signal_take(int32_t queue, cipc_signal_record *records, int32_t capacity) {
    struct signalfd_siginfo found[BATCH];
    long room = capacity < BATCH ? capacity : BATCH;
    long result;
    do result = cipc_syscall6(SYS_read, queue, (long)found, room * (long)sizeof found[0], 0, 0, 0);
    while (result == -EINTR);
    if (result < 0) return (int32_t)result;
    int32_t count = (int32_t)(result / (long)sizeof found[0]);
    for (int32_t index = 0; index < count; index++) {
        const struct signalfd_siginfo *from = &found[index];
        records[index] = (cipc_signal_record){
            .signal = (int32_t)from->ssi_signo,
            .code = from->ssi_code,
            .number = from->ssi_errno,
            .process = (int32_t)from->ssi_pid,
            .user = from->ssi_uid,
            .value = from->ssi_ptr,
        };
    }
    return count;
}
