// Leaving a process.
#ifndef CIPC_EXIT_H
#define CIPC_EXIT_H

#include "cipc_types.h"

/// exit(3): runs what the program registered for its end, and flushes its streams.
void cipc_exit_process(int32_t status) __attribute__((noreturn));

/// _exit(2): runs nothing more.
void cipc_exit_process_at_once(int32_t status);

#endif
