/// Shared memory with one writer, in plain C: the latest value in several copies, and a ring to one reader.
///
/// Both sides open the memory by name and make it if it is not there. Nobody checks what the other says, sleeps, or sees
/// the other's death.
#ifndef CBASE_BOARD_H
#define CBASE_BOARD_H

#include "cbase_harness.h"
#include "cbase_work.h"

#pragma clang assume_nonnull begin

// The reader reads the latest value until the time is over, and checks each; the writer publishes until then.
int cbase_board_read(const char *name, cbase_plan plan, cbase_report *report);
int cbase_board_write(const char *name, cbase_plan plan, cbase_report *report);

// Messages one way through a ring; both sides keep a copy of the other's index and spin while they wait.
int cbase_lane_send(const char *name, cbase_plan plan, cbase_report *report);
int cbase_lane_receive(const char *name, cbase_plan plan, cbase_report *report);

/// Removes the name.
void cbase_board_remove(const char *name);

#pragma clang assume_nonnull end

#endif
