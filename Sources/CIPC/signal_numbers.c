#include "CIPC.h"

#include <signal.h>

int cipc_first_realtime_signal(void) { return SIGRTMIN; }

int cipc_last_realtime_signal(void) { return SIGRTMAX; }
