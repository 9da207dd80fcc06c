/* A read-write lock (ProcessReadWriteLock): N processes, of which the first WRITERS write and the others read, once each;
 * each may die before every step. With TIMED, who waits for readers may give up (giveUp); with POISON, a recovery may fail.
 *
 * A deadlock is a hang. A writer is alone, a reader is with readers only, threads of the dead included as long as they run,
 * and nobody finds what a dead writer left half-changed.
 *
 * Faults that must be found: BUG_NO_DEATHS, BUG_LOOK_FIRST (a reader looks at the writer's word before it counts itself),
 * BUG_NO_WAKE (a reader that goes wakes nobody), BUG_AWAITED_LATE (a writer says that it waits after it has looked),
 * BUG_DEAD_IS_GONE (a dead reader does not count although its threads run), BUG_EARLY_ONLY, and with TIMED
 * BUG_NO_NOTE (that a writer died is not noted). */
#ifndef N
#define N 3
#endif
#ifndef WRITERS
#define WRITERS 2
#endif
#define GHOST(p) reads[p] = false; if :: inside == p + 1 -> inside = 0 :: else fi
#define GOOD 0
#define DOUBTFUL 1
#define POISONED 2
bool reads[3]; byte inside;
#include "objects.h"

bool cell[N], isAwaited, dirty;
byte goings, condition;

#ifdef BUG_DEAD_IS_GONE
#define COUNTS(p) (cell[p] && !dead[p])
#else
#define COUNTS(p) (cell[p] && !gone[p])
#endif
inline wakeWriter() { goings++; wakeAll() }
/* ProcessReadWriteLock.leave */
inline leave() {
    atomic { cell[me] = false; reads[me] = false };
#ifndef BUG_NO_WAKE
    if :: isAwaited -> wakeWriter() :: else fi
#endif
}
/* noteDeath, waitForReaders with readersLeft, settle. */
inline becomeAlone() {
#ifndef BUG_NO_NOTE
    if :: died && condition == GOOD -> condition = DOUBTFUL :: else fi;
    died = false;
#endif
    do
    ::  d = deaths;
#ifndef BUG_AWAITED_LATE
        isAwaited = true;
#endif
        seen = goings;
        any = COUNTS(0);
        if :: !any -> any = COUNTS(1) :: else fi;
#if N > 2
        if :: !any -> any = COUNTS(2) :: else fi;
#endif
        if
        :: !any -> isAwaited = false; break
        :: else ->
#ifdef BUG_AWAITED_LATE
            isAwaited = true;
#endif
#ifdef TIMED
            if :: isAwaited = false; release(); goto over :: skip fi;
#endif
            sleepWhile(goings == seen, d)
        fi
    od;
    atomic { d = 0; seen = 0; any = false };
#ifdef BUG_NO_NOTE
    if :: died -> dirty = false; died = false :: else fi;
#endif
    if
    :: condition == DOUBTFUL ->
        if
        :: dirty = false; condition = GOOD
#ifdef POISON
        :: condition = POISONED
#endif
        fi
    :: else
    fi;
    if
    :: condition == POISONED -> release(); goto over
    :: else
    fi
}
#define READS (reads[0] + reads[1] + reads[2])

proctype Writer(byte me) {
    byte d, seen; bool died, any;
    {
        take(died);
        becomeAlone();
        d_step { assert(!dirty && inside == 0 && READS == 0); inside = me + 1; dirty = true };
        dirty = false;
        d_step { inside = 0; release() };
over:   skip
    } unless { d_step { gone[me] -> d = 0; seen = 0; died = false; any = false } }
}
proctype Reader(byte me) {
    byte d, seen; bool died, any;
    {
        /* ProcessReadWriteLock.enter */
#ifdef BUG_LOOK_FIRST
        if :: lock == 0 && condition == GOOD -> cell[me] = true; goto in :: else fi;
#else
        cell[me] = true;
        if :: lock == 0 -> if :: condition == GOOD -> goto in :: else fi :: else fi;
        leave();
#endif
        take(died);
        if :: died || condition != GOOD -> becomeAlone() :: else fi;
        cell[me] = true;                    /* enterAsOwner */
        release();
in:     atomic { reads[me] = true; assert(!dirty && inside == 0) };
        leave();
over:   skip
    } unless { d_step { gone[me] -> d = 0; seen = 0; died = false; any = false } }
}
init {
    byte i;
    atomic {
        do
        :: i < WRITERS -> run Writer(i); i++
        :: i >= WRITERS && i < N -> run Reader(i); i++
        :: else -> break
        od;
        i = 0;
        run K(); run Kernel()
    }
}
