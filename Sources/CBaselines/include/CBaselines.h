/// The plain C that ipcbench measures the library against, and the machinery that starts and times both.
///
/// Nothing here uses the library. Functions return 0 (or a count) on success and a negative errno on failure, and keep
/// their own state, so that a baseline runs in a process with one thread and no Swift task in it.
#ifndef CBASELINES_H
#define CBASELINES_H

#include "cbase_allocations.h"
#include "cbase_board.h"
#include "cbase_harness.h"
#include "cbase_message.h"
#include "cbase_process.h"
#include "cbase_queue.h"
#include "cbase_ring.h"
#include "cbase_signal.h"
#include "cbase_sync.h"
#include "cbase_work.h"

#endif
