// What Swift cannot say: raw system calls without libc's cancellation points, variadic calls, control messages.
// Every function returns a negative errno on failure, so that no caller reads errno.
// No header here includes more of the system than fixed-size integers: see cipc_types.h.
#ifndef CIPC_H
#define CIPC_H

#include "cipc_types.h"
#include "cipc_raw.h"
#include "cipc_descriptor.h"
#include "cipc_epoll.h"
#include "cipc_socket.h"
#include "cipc_network.h"
#include "cipc_thread.h"
#include "cipc_futex_shared.h"
#include "cipc_clock.h"
#include "cipc_sanitizer.h"
#include "cipc_testing.h"
#include "cipc_exit.h"
#include "cipc_fork.h"
#include "cipc_memory.h"
#include "cipc_claim.h"
#include "cipc_ring.h"
#include "cipc_pipe.h"
#include "cipc_names.h"
#include "cipc_notify.h"
#include "cipc_spawn.h"
#include "cipc_terminal.h"
#include "cipc_signal_numbers.h"
#include "cipc_robust.h"
#include "cipc_sync_interop.h"
#include "cipc_queue.h"
#include "cipc_interrupt.h"
#include "cipc_signal.h"

#endif
