/* An event (ProcessEvent) and a latch (ProcessLatch): the first WAITERS of N processes wait, the others set it SETS times
 * each; each may die before every step. The event resets itself, with MANUAL it stays set; with LATCH it is a latch of as
 * many counts as there are processes that count, once each. With TIMED, who waits may give up (.timedOut, .cancelled).
 *
 * When nothing moves any more, nobody may sleep although it is set, and everybody else must be at his end. No more pass an
 * event that resets itself than sets came.
 *
 * Faults that must be found: BUG_NO_DEATHS (also of a latch and with MANUAL), BUG_EARLY_ONLY,
 * BUG_LATE_COUNT (a waiter counts itself after its last look: `waiters` after the sleep's comparison),
 * BUG_HINT_FIRST (who sets looks for waiters first) and, with TIMED, BUG_TAKES_WAKE_UP_ALONG. */
#ifndef N
#define N 3
#endif
#ifndef WAITERS
#define WAITERS 2
#endif
#ifndef SETS
#define SETS 1
#endif
#define GHOST(p) skip
#include "objects.h"

#ifdef LATCH
byte state = N - WAITERS;
#define ISSET (state == 0)
#else
byte state;
#define ISSET (state == 1)
#endif
byte waiters, sets, passed;

/* ProcessEvent.tryWait; ProcessLatch.wait */
inline tryWait() {
    d_step {
        if
        :: ISSET ->
            isIn = true;
#if !defined(LATCH) && !defined(MANUAL)
            state = 0; passed++; assert(passed <= sets)
#endif
        :: else
        fi
    }
}
proctype Waiter(byte me) {
    byte d, s; bool isIn;
    {
        tryWait();
        if :: isIn -> goto over :: else fi;
#ifndef LATCH
#ifndef BUG_LATE_COUNT
        waiters++;
#endif
#endif
        do
        ::  d = deaths;
            s = state;
            tryWait();
            if :: isIn -> break :: else fi;
#ifdef TIMED
            if :: break :: skip fi;
#endif
#ifdef BUG_LATE_COUNT
            atomic { if :: state == s && SAME(d) -> asleep[me] = true :: else fi };
            waiters++;
            !asleep[me];
            waiters--;
#else
#ifdef LATCH
            sleepWhile(state == s, d);
#else
            sleepWhile(state == 0, d);
#endif
#endif
#ifdef TIMED
            if :: break :: skip fi;         /* a task that is cancelled as it wakes does not look again */
#endif
        od;
#ifndef LATCH
        /* ProcessEvent.leave */
#ifndef BUG_LATE_COUNT
        waiters--;
#endif
#if !defined(MANUAL) && !defined(BUG_TAKES_WAKE_UP_ALONG)
        if :: ISSET -> if :: waiters > 0 -> wakeOne() :: else fi :: else fi;
#endif
#endif
over:   skip
    } unless { d_step { gone[me] -> d = 0; s = 0; isIn = false } }
}
proctype Setter(byte me) {
    byte left = SETS; byte s;
    {
        do
        :: left > 0 ->
#ifdef LATCH
            /* ProcessLatch.countDown */
            d_step { state--; s = state };
            if :: s == 0 -> wakeAll() :: else fi;
#else
            /* ProcessEvent.set */
#ifdef BUG_HINT_FIRST
            s = waiters;
            d_step { state = 1; sets++ };
            if :: s > 0 -> wakeOne() :: else fi;
#else
            d_step { state = 1; sets++ };
#ifdef MANUAL
            if :: waiters > 0 -> wakeAll() :: else fi;
#else
            if :: waiters > 0 -> wakeOne() :: else fi;
#endif
#endif
#endif
            left--
        :: else -> break
        od
    } unless { d_step { gone[me] -> left = 0; s = 0 } }
}
#define OFF(p) (p >= WAITERS || !asleep[p])
proctype Judge() {
endJudge:
    timeout;
    d_step {
        assert(!ISSET || ALL(OFF));
        j = 0;                          /* who waits for what never comes may end */
        do :: j < WAITERS -> if :: asleep[j] -> asleep[j] = false; dead[j] = true; gone[j] = true; told[j] = 2 :: else fi; j++ :: else -> break od;
        j = 0
    }
}
init {
    byte i;
    atomic {
        do
        :: i < WAITERS -> run Waiter(i); i++
        :: i >= WAITERS && i < N -> run Setter(i); i++
        :: else -> break
        od;
        i = 0;
        run K(); run Kernel(); run Judge()
    }
}
