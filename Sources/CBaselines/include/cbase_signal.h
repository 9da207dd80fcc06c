/// Real-time signals with a value, by sigqueue(3) and signalfd(2) in plain C, on the only thread of the process.
#ifndef CBASE_SIGNAL_H
#define CBASE_SIGNAL_H

#include "cbase_harness.h"
#include "cbase_work.h"

#pragma clang assume_nonnull begin

/// Round trips of numbers with the process at the other end of `socket`, by which the two learn each other's numbers.
int cbase_signal_rtt(int socket, _Bool initiates, cbase_plan plan, cbase_report *report);

/// Numbers one way, one sigqueue for each; the receiver reads as many as there are. Where the kernel has no room the sender
/// yields the processor and tries again.
int cbase_signal_stream(int socket, _Bool sends, cbase_plan plan, cbase_report *report);

#pragma clang assume_nonnull end

#endif
