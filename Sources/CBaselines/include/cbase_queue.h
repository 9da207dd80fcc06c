/// Round trips over two message queues of the kernel in plain C, on calls that block.
#ifndef CBASE_QUEUE_H
#define CBASE_QUEUE_H

#include "cbase_harness.h"
#include "cbase_work.h"

#pragma clang assume_nonnull begin

/// The side that `makes` sends a message of `plan.bytes` through one queue and receives it from the other, until the time
/// is over; then it sends an empty message, gets one back, and removes the queues. The other side echoes until then.
/// `name` begins with a slash and says which queues; `is_posix`: mq_send(3) and mq_receive(3), else msgsnd(2) and msgrcv(2)
/// with keys that are made of `number`.
int cbase_queue_rtt(const char *name, int32_t number, _Bool is_posix, _Bool makes, cbase_plan plan,
                    cbase_report *report);

/// Two threads send messages of `plan.bytes` to the POSIX queue `name` until the time is over, and then an empty one for each
/// of two receivers.
int cbase_queue_stream_send(const char *name, cbase_plan plan, cbase_report *report);

/// Receives them until an empty one comes.
int cbase_queue_stream_receive(const char *name, cbase_plan plan, cbase_report *report);

#pragma clang assume_nonnull end

#endif
