/// The baselines: for each piece of work, what each of its processes does in plain C.
///
/// Descriptors come non-blocking. A call is tried first; only when it would block does the process wait in epoll, where
/// the descriptor has been registered once, edge-triggered. Sockets use send and recv, pipes write and read.
#ifndef CBASE_WORK_H
#define CBASE_WORK_H

#include "cbase_harness.h"
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// One side of a duplex byte stream; for a socket both numbers are the same.
typedef struct {
    int reader;
    int writer;
    _Bool is_socket;
    /// A datagram socket, which has no end: an empty message is it.
    _Bool is_datagram;
} cbase_link;

/// How much to do.
typedef struct {
    /// Bytes of one message, at least `cbase_smallest_message`.
    size_t bytes;
    /// How long to measure, after the warm-up.
    uint64_t duration_ns;
} cbase_plan;

/// Round trips done before the clock starts.
enum { cbase_warm_up_trips = 200 };

/// Times that one measurement keeps at most.
enum { cbase_sample_capacity = 1 << 20 };

/// Prepares the process: SIGPIPE becomes the error EPIPE.
void cbase_work_prepare(void);

// One link: `*_initiator` sends and waits for the same bytes, `*_echo` returns them until the other side finishes.
int cbase_rtt_initiator(cbase_link link, cbase_plan plan, cbase_report *report);
int cbase_rtt_echo(cbase_link link, cbase_plan plan, cbase_report *report);

// One way: one write for each message; the receiver reads as much as there is.
int cbase_stream_send(cbase_link link, cbase_plan plan, cbase_report *report);
int cbase_stream_receive(cbase_link link, cbase_plan plan, cbase_report *report);

// Many sockets in one thread, one message on its way on each. With two sockets to two processes that echo, it is a pool
// of workers that serve one request at a time.
int cbase_channels_initiator(const int *sockets, size_t count, cbase_plan plan, cbase_report *report);
int cbase_channels_echo(const int *sockets, size_t count, cbase_plan plan, cbase_report *report);

// One descriptor goes to the other process and comes back (SCM_RIGHTS, beside one byte).
int cbase_pass_initiator(int socket, cbase_plan plan, cbase_report *report);
int cbase_pass_echo(int socket, cbase_plan plan, cbase_report *report);

/// A file without a name whose descriptor is passed, and whether two descriptors are of the same file.
int cbase_open_marker(void);
_Bool cbase_is_same_file(int left, int right);

// Connect, one message, close. The listener must be there before the client starts; a message with the sequence
// UINT64_MAX ends it.
int cbase_accept_open(const char *path);
int cbase_accept_server(int listener, cbase_plan plan, cbase_report *report);
int cbase_accept_client(const char *path, cbase_plan plan, cbase_report *report);

/// Spawns a program with a pipe at its standard output, reads to the end and collects its exit status, again and again.
int cbase_spawn(const char *program, cbase_plan plan, cbase_report *report);

/// Makes a region of `plan.bytes`, maps it, touches each page, unmaps and closes it, again and again.
int cbase_region_create(cbase_plan plan, cbase_report *report);

// Messages of `plan.bytes` that the other process is to see: sent with sendmsg, received, touched, and one byte back.
int cbase_region_send(int socket, cbase_plan plan, cbase_report *report);
int cbase_region_receive(int socket, cbase_plan plan, cbase_report *report);

/// Reads a byte of each page, and tells whether it is the message with this sequence number.
_Bool cbase_region_touch(const void *message, size_t bytes, uint64_t sequence);

/// Registers sockets with epoll; `report->figure` is the resident bytes that each added.
int cbase_idle_resident(const int *sockets, size_t count, cbase_report *report);

/// Waits on all sockets for the duration; `report->figure` is the processor time used, in nanoseconds.
int cbase_idle_processor_time(const int *sockets, size_t count, cbase_plan plan, cbase_report *report);

/// Waits until every socket has been closed by the other side.
int cbase_idle_hold(const int *sockets, size_t count, cbase_report *report);

#pragma clang assume_nonnull end

#endif
