// The way between siginfo_t and what the handler writes.
#ifndef SIGNAL_RECORD_H
#define SIGNAL_RECORD_H

#include "CIPC.h"

#include <signal.h>
#include <string.h>

static inline void cipc_signal_fill(cipc_signal_record *record, const siginfo_t *information) {
    record->signal = information->si_signo;
    record->code = information->si_code;
    record->number = information->si_errno;
    record->process = information->si_pid;
    record->user = information->si_uid;
    record->status = information->si_status;
    record->value = (uint64_t)(uintptr_t)information->si_value.sival_ptr;
}

// For real-time signals, whose three fields lie at the same places whoever sent them (timers, queues of messages).
static inline void cipc_signal_restore_information(siginfo_t *information, const cipc_signal_record *record) {
    memset(information, 0, sizeof *information);
    information->si_signo = record->signal;
    information->si_code = record->code;
    information->si_errno = record->number;
    information->si_pid = record->process;
    information->si_uid = record->user;
    information->si_value.sival_ptr = (void *)(uintptr_t)record->value;
}

#endif
