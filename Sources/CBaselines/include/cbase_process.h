/// Facts about the calling process: time, placement, memory, processor time.
#ifndef CBASE_PROCESS_H
#define CBASE_PROCESS_H

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// Monotonic nanoseconds, the same clock in every process (clock_gettime(2), CLOCK_MONOTONIC).
uint64_t cbase_now(void);

/// Processor time that this process has used, in nanoseconds (CLOCK_PROCESS_CPUTIME_ID).
uint64_t cbase_processor_time(void);

/// Sleeps for `nanoseconds`, resuming after signals.
void cbase_sleep(uint64_t nanoseconds);

/// Ties the calling thread, and every thread that it starts afterwards, to one processor (sched_setaffinity(2)).
int cbase_pin(int processor);

/// How many processors this process may run on.
int cbase_processor_count(void);

/// Raises the soft limit of open descriptors to the hard one and returns the limit, or a negative errno.
long cbase_raise_descriptor_limit(void);

/// Asks the kernel to kill this process when `parent` ends; -ESRCH if it has already ended.
int cbase_end_with_parent(int parent);

/// Anonymous memory of this process that is resident, in bytes, from /proc/self/smaps_rollup: exact, where the counters
/// of /proc/self/statm are kept per processor and lag. Pages of code, which load as they run, are not in it.
long cbase_resident_bytes(void);

/// Ends the process without running handlers: a measuring process has nothing to tidy up.
_Noreturn void cbase_exit(int status);

/// Parks the calling thread for good while others work.
_Noreturn void cbase_park(void);

/// Writes a line to standard output, at once, or to standard error.
void cbase_print(const char *line);
void cbase_say(const char *line);

/// The id of this process.
int cbase_process_id(void);

/// The text of an errno, for messages.
const char *cbase_error_text(int error);

#pragma clang assume_nonnull end

#endif
