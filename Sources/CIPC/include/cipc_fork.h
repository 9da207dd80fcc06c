// What the child of a fork without exec needs before it can have two threads, and how it knows what it is.
#ifndef CIPC_FORK_H
#define CIPC_FORK_H

#include "cipc_types.h"

/// Whether this process was forked, without exec since, from the one that loaded this library: no task runs here.
int32_t cipc_is_forked(void);

#endif
