/// Locks between processes in plain C: a robust process-shared pthread mutex, and a process-shared condition.
#ifndef CBASE_SYNC_H
#define CBASE_SYNC_H

#include "cbase_harness.h"
#include "cbase_work.h"

#pragma clang assume_nonnull begin

/// Locks, adds one to each word of `plan.bytes` in place, unlocks, until the time is over. The side that `makes` makes the
/// memory; if `is_shared`, it waits at the end for the other side and counts the turns of both.
int cbase_sync_lock(const char *name, _Bool makes, _Bool is_shared, cbase_plan plan, cbase_report *report);

/// A turn that goes to the other side and back by a condition. The side that `makes` takes the time.
int cbase_sync_handover(const char *name, _Bool makes, cbase_plan plan, cbase_report *report);

#pragma clang assume_nonnull end

#endif
