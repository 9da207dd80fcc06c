/// How the process that compares starts the processes that work, hands them descriptors and hears from them.
///
/// Every process that works is this executable, started again, with one descriptor: a SOCK_SEQPACKET socket, the
/// *control*, at `cbase_control_descriptor`. Over it come the descriptors of the channels, then the worker says that it
/// is ready, is told to go, and at the end sends one `cbase_report`.
#ifndef CBASE_HARNESS_H
#define CBASE_HARNESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#pragma clang assume_nonnull begin

enum { cbase_control_descriptor = 3 };

/// What one process did. `sent` and `received` count every message, warm-up included; those that came back or arrived
/// at their end only if their bytes were right.
typedef struct {
    uint64_t sent;
    uint64_t received;
    /// Operations between `started_ns` and `ended_ns`: round trips, messages, spawns, connections.
    uint64_t measured;
    uint64_t started_ns;
    uint64_t ended_ns;
    uint64_t p50_ns;
    uint64_t p99_ns;
    /// What rows without a time count: allocations, resident bytes, nanoseconds of processor time.
    double figure;
    /// 0, or the positive errno of what went wrong; EBADMSG when bytes were not those that were sent.
    int32_t failure;
    char detail[156];
} cbase_report;

/// Notes a failure unless one is there already; `what` names the step that failed, `error` is its errno, of either
/// sign, or 0 if `what` says it all. Returns the negative failure.
int cbase_report_fail(cbase_report *report, const char *what, int error);

/// What `cbase_report_fail` has noted, empty if nothing.
const char *cbase_report_detail(const cbase_report *report);

// For the process that compares.

/// Starts this executable with `arguments` (ends with NULL; the first is its name) and a control. The descriptor of our
/// end of the control is returned, close-on-exec, and the process id stored.
int cbase_launch(const char *_Nullable const *_Nonnull arguments, pid_t *process);

/// Waits until `process` has ended and returns its wait status; kills it first if `kill_it`.
int cbase_reap(pid_t process, _Bool kill_it);

/// Sends `count` descriptors over the control, in packets of at most 250. They stay open here.
int cbase_control_pass(int control, const int *descriptors, size_t count);

/// Waits for the worker's "ready". -ETIMEDOUT after the time, -EPIPE if the process has ended.
int cbase_control_await_ready(int control, uint64_t nanoseconds);

/// Tells a ready worker to go.
int cbase_control_go(int control);

/// Waits until one of up to 64 processes has something to say, or has ended: returns its place. A control below 0 is left
/// out. -ETIMEDOUT after the time.
int cbase_control_await_any(const int *controls, size_t count, uint64_t nanoseconds);

/// Waits for the report. -ETIMEDOUT after the time, -EPIPE if the process has ended without one.
int cbase_control_await_report(int control, cbase_report *report, uint64_t nanoseconds);

// For the process that works.

/// Receives exactly `count` descriptors, close-on-exec.
int cbase_control_take(int control, int *descriptors, size_t count);

/// Says "ready" and waits for the word to go.
int cbase_control_ready(int control);

int cbase_control_report(int control, const cbase_report *report);

// Descriptors to measure on, all close-on-exec and non-blocking.

/// Two pipes that make one duplex link: `ends` is reader and writer of one side, then reader and writer of the other.
/// `capacity` is what each should hold, in bytes; 0 leaves it at the kernel's 64 KiB.
int cbase_open_pipes(int ends[_Nonnull 4], int capacity);

/// A Unix stream socketpair.
int cbase_open_stream_pair(int ends[_Nonnull 2]);

/// The other kinds of pairs: Unix sockets that keep packets, Unix datagrams, TCP over loopback with NODELAY, UDP over
/// loopback.
enum { cbase_pair_packets, cbase_pair_datagrams, cbase_pair_tcp, cbase_pair_udp };

/// A pair of non-blocking, close-on-exec sockets of another kind.
int cbase_open_pair(int kind, int ends[_Nonnull 2]);

/// Closes a descriptor of the harness.
void cbase_close(int descriptor);

/// A fresh directory below the temporary one, owner-only; its path goes to `path`, of at least 64 bytes.
int cbase_make_directory(char *path, size_t capacity);

/// Removes the directory and the files in it.
void cbase_remove_directory(const char *path);

#pragma clang assume_nonnull end

#endif
