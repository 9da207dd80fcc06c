// What tests of this library need of the system: ways to end the process on purpose, and what a host may do.
#ifndef CIPC_TESTING_H
#define CIPC_TESTING_H

#include "cipc_types.h"

/// SIGKILL to this process. Does not return.
void cipc_kill_self(void) __attribute__((noreturn));
/// fork(2) by a host that knows nothing of Swift: the child calls `body` and leaves with what it returns.
int32_t cipc_fork(int32_t (*_Nonnull body)(void *_Nullable), void *_Nullable context);
/// abort(3).
void cipc_abort(void) __attribute__((noreturn));
/// Raises the soft RLIMIT_NOFILE to at least `count` if the hard one allows it; returns the soft limit then in force.
int32_t cipc_raise_descriptor_limit(int32_t count);
/// Lifts RLIMIT_MSGQUEUE, which takes CAP_SYS_RESOURCE.
int32_t cipc_lift_queue_byte_limit(void);

#endif
