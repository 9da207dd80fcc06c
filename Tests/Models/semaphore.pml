/* A leased semaphore (LeasedSemaphore): N processes take one of TOTAL permits and give it back, ROUNDS times; each may die
 * before every step. With TIMED, who waits may give up wherever it can (.timedOut, .cancelled).
 *
 * A deadlock is a hang: everybody who waits gets a permit, because every holder gives his back or dies. Never do more than
 * TOTAL processes have one whose threads still run.
 *
 * Faults that must be found: BUG_NO_DEATHS, BUG_EARLY_ONLY, BUG_DEAD_IS_GONE (what a dead process has is free before its threads are
 * gone), BUG_LATE_SEQUENCE (the futex's value is read after the
 * unlock), BUG_WAKE_FIRST (who gives wakes before he counts) and, with TIMED, BUG_TAKES_WAKE_UP_ALONG. Not found with one death: BUG_SEEN_LATE (the death count is read after the cells). */
#ifndef N
#define N 3
#endif
#ifndef TOTAL
#define TOTAL 1
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif
#define GHOST(p) has[p] = false
bool has[3];
#include "objects.h"

bool cell[N];
byte used, seen, returns, waiters;

#ifdef BUG_DEAD_IS_GONE
#define COUNTS(p) (cell[p] && !dead[p])
#else
#define COUNTS(p) (cell[p] && !gone[p])
#endif
/* One cell of ParticipantCells.sum: the cell, isDead and departure(of:). */
inline addCell(p) { d_step { if :: COUNTS(p) -> sum++; if :: dead[p] -> leaving = true :: else fi :: else fi } }
/* LeasedSemaphore.addUp */
inline addUp() {
    d_step { leaving = false; x = deaths; died = died || seen != x };
    if
    :: died ->
        addCell(0);
        addCell(1);
#if N > 2
        addCell(2);
#endif
#ifdef BUG_SEEN_LATE
        x = deaths;
#endif
        d_step { used = sum; sum = 0; if :: !leaving -> seen = x :: else fi };   /* caches: who dies between them is added up anew */
        if :: waiters > 0 -> returns++; wakeAll() :: else fi
    :: else
    fi;
    atomic { x = 0; died = false }
}
proctype User(byte me) {
    byte d, q, x, sum, r; bool died, leaving, slept;
    {
        do
        :: r < ROUNDS ->
            /* LeasedSemaphore.take */
again:      d = deaths;
            if
            :: take(died)
#ifdef TIMED
            ::
#ifndef BUG_TAKES_WAKE_UP_ALONG
                if :: slept && waiters > 0 -> wakeOne() :: else fi;
#endif
                goto over
#endif
            fi;
            addUp();
            if
            :: used >= TOTAL && leaving ->
                release();
                /* Participant.waitUntilGone; time-outs are those of the lock */
                !cell[0] || !dead[0] || gone[0];
                !cell[1] || !dead[1] || gone[1];
#if N > 2
                !cell[2] || !dead[2] || gone[2];
#endif
                goto again
            :: used >= TOTAL && !leaving ->
#ifdef BUG_LATE_SEQUENCE
                waiters++;
                release();
                q = returns;
#else
                q = returns;
                waiters++;
                release();
#endif
                sleepWhile(returns == q, d);
                d_step { waiters--; slept = true; d = 0; q = 0 };
                goto again
            :: else
            fi;
            atomic {
                cell[me] = true; has[me] = true;
                assert(has[0] + has[1] + has[2] <= TOTAL)
            };
            used++;
            release();
            d_step { d = 0; slept = false; leaving = false };
            /* LeasedSemaphore.give: finishGiving */
            take(died);
            addUp();
            d_step { cell[me] = false; has[me] = false };
            used--;
#ifdef BUG_WAKE_FIRST
            if :: waiters > 0 -> wakeOne() :: else fi;
            returns++;
            release();
#else
            returns++;
            if
            :: waiters > 0 -> release(); wakeOne()
            :: else -> release()
            fi;
#endif
over:       atomic { r++; d = 0; slept = false; leaving = false }
        :: else -> break
        od
    } unless { d_step { gone[me] -> d = 0; q = 0; x = 0; sum = 0; slept = false; died = false; leaving = false } }
}
init {
    atomic {
        run User(0); run User(1);
#if N > 2
        run User(2);
#endif
        run K(); run Kernel()
    }
}
