/* A condition (ProcessCondition): N processes, of which the first WAITERS wait for an item and take it; the others make ITEMS
 * each and signal. Each may die before every step. With TIMED, a waiter may give up wherever it can: before the sleep,
 * after it, and while it waits for the lock again (.timedOut, .cancelled).
 *
 * When nothing moves any more, nobody may sleep while there is an item, and everybody else must be at his end.
 *
 * Faults that must be found: BUG_NO_DEATHS, BUG_EARLY_ONLY, BUG_WAKE_FIRST, BUG_LATE_TICKET,
 * BUG_LATE_DEATHS and, with TIMED, BUG_TAKES_WAKE_UP_ALONG. */
#ifndef N
#define N 3
#endif
#ifndef WAITERS
#define WAITERS 2
#endif
#ifndef ITEMS
#define ITEMS 1
#endif
#define GHOST(p) skip
#include "objects.h"

byte sequence, waiters;
byte items;                             /* what the lock protects */

proctype Waiter(byte me) {
    byte d, s;
    {
        takeAny();
        do
        :: items > 0 -> break
        :: else ->
            /* ProcessCondition.beginWait */
#ifdef BUG_LATE_DEATHS
            s = sequence; waiters++; release(); d = deaths;
#else
#ifdef BUG_LATE_TICKET
            d = deaths; waiters++; release(); s = sequence;
#else
            d = deaths;
            s = sequence;
            waiters++;
            release();
#endif
#endif
#ifdef TIMED
            if :: waiters--; goto over :: skip fi;
#endif
            /* ProcessCondition.sleep, sleepBlocking */
            sleepWhile(sequence == s, d);
            waiters--;
#ifdef TIMED
            if :: sequence == s -> goto over :: skip fi;
            if
            :: takeAny()
            ::
#ifndef BUG_TAKES_WAKE_UP_ALONG
                /* ProcessCondition.passOn */
                if :: sequence != s && waiters > 0 -> wakeOne() :: else fi;
#endif
                goto over
            fi
#else
            takeAny()
#endif
        od;
        items--;
        release();
over:   atomic { d = 0; s = 0 }
    } unless { d_step { gone[me] -> d = 0; s = 0 } }
}
proctype Signaller(byte me) {
    byte left = ITEMS;
    {
        do
        :: left > 0 ->
            takeAny();
            items++;
            release();
            /* ProcessCondition.notify */
#ifdef BUG_WAKE_FIRST
            if :: waiters > 0 -> wakeOne() :: else fi;
            sequence++;
#else
            sequence++;
            if :: waiters > 0 -> wakeOne() :: else fi;
#endif
            left--
        :: else -> break
        od
    } unless { d_step { gone[me] -> left = 0 } }
}
#define OFF(p) (p >= WAITERS || !asleep[p])
proctype Judge() {
endJudge:
    timeout;
    d_step {
        assert(items == 0 || ALL(OFF));
        j = 0;                          /* who waits for an item that never comes may end */
        do :: j < WAITERS -> if :: asleep[j] -> asleep[j] = false; dead[j] = true; gone[j] = true; told[j] = 2 :: else fi; j++ :: else -> break od;
        j = 0
    }
}
init {
    byte i;
    atomic {
        do
        :: i < WAITERS -> run Waiter(i); i++
        :: i >= WAITERS && i < N -> run Signaller(i); i++
        :: else -> break
        od;
        i = 0;
        run K(); run Kernel(); run Judge()
    }
}
