#ifndef CIPC_SIGNAL_NUMBERS_H
#define CIPC_SIGNAL_NUMBERS_H

#include "cipc_types.h"

/// SIGRTMIN and SIGRTMAX as this C library leaves them to programs: it keeps the first few for itself.
int cipc_first_realtime_signal(void);
int cipc_last_realtime_signal(void);

#endif
