/// A ring in shared memory, in plain C: the best that is known for each size.
///
/// Messages of up to 56 bytes lie in one cache line with the word that commits it; larger ones lie one after the other,
/// each behind its length, and are published by an index. Both sides keep copies of the other's index. Nobody checks what
/// the other says, and nobody sees its death.
#ifndef CBASE_RING_H
#define CBASE_RING_H

#include "cbase_harness.h"
#include "cbase_work.h"

#pragma clang assume_nonnull begin

/// What a side of a ring has: the file, with `ring_bytes` for each direction, and the eventfds of the two sides.
typedef struct {
    int file;
    int bells[2];
    int side;
    size_t ring_bytes;
    /// Whether a side that waits spins all the time, or sleeps at once.
    _Bool spins;
} cbase_ring_link;

// `*_initiator` sends and waits for the same bytes, `*_echo` returns them until the other side finishes.
int cbase_ring_rtt_initiator(cbase_ring_link link, cbase_plan plan, cbase_report *report);
int cbase_ring_rtt_echo(cbase_ring_link link, cbase_plan plan, cbase_report *report);

// One way; the receiver checks the messages where they lie.
int cbase_ring_stream_send(cbase_ring_link link, cbase_plan plan, cbase_report *report);
int cbase_ring_stream_receive(cbase_ring_link link, cbase_plan plan, cbase_report *report);

// A message is lent, 8 bytes of it are written, it is sent and received; and one of 8 bytes comes back.
int cbase_ring_loan_initiator(cbase_ring_link link, cbase_plan plan, cbase_report *report);
int cbase_ring_loan_echo(cbase_ring_link link, cbase_plan plan, cbase_report *report);

#pragma clang assume_nonnull end

#endif
