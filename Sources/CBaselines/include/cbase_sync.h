/// Locks between processes in plain C: a robust process-shared pthread mutex, a lock of one futex, and a process-shared
/// condition, semaphore and read-write lock.
#ifndef CBASE_SYNC_H
#define CBASE_SYNC_H

#include "cbase_harness.h"
#include "cbase_work.h"

#pragma clang assume_nonnull begin

/// Locks, adds one to each word of `plan.bytes` in place, unlocks, until the time is over. The side that `makes` makes the
/// memory; if `is_shared`, it waits at the end for the other side and counts the turns of both.
int cbase_sync_lock(const char *name, _Bool makes, _Bool is_shared, cbase_plan plan, cbase_report *report);

/// The same with a lock of one futex, which says nothing of its owner and so does not survive him.
int cbase_sync_lock_futex(const char *name, cbase_plan plan, cbase_report *report);

/// Waits for a semaphore of one permit and posts it, until the time is over.
int cbase_sync_semaphore(const char *name, cbase_plan plan, cbase_report *report);

/// A permit that goes to the other side, and another that comes back. The side that `makes` takes the time.
int cbase_sync_semaphore_turns(const char *name, _Bool makes, cbase_plan plan, cbase_report *report);

/// Locks for reading and unlocks, until the time is over.
int cbase_sync_read_lock(const char *name, cbase_plan plan, cbase_report *report);

/// A turn that goes to the other side and back by a condition. The side that `makes` takes the time.
int cbase_sync_handover(const char *name, _Bool makes, cbase_plan plan, cbase_report *report);

#pragma clang assume_nonnull end

#endif
