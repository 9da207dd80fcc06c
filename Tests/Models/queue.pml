/* A shared queue (QueueTable, QueueCore, TurnTaking, LineWakes): of N processes the first SENDERS send S messages each, which they write into
 * reserved blocks without the lock; the others lease and acknowledge for ever. R records. Each may die before every step. With
 * TIMED, whoever was woken may give up before it has the lock, and process 1 in its sleep as well (.timedOut, .cancelled); none of
 * them comes back. With FORKED, whoever has a record may give it up without the lock, as the child of a fork does at a deadline
 * (QueueTable.abandon): it is nobody's, and the count of deaths grows.
 *
 * A record's state is the truth, changed by one store; ready, used, waiters and seen are the cache. Sequence numbers of the lines
 * are a flag for each waiter: whether its ticket is up to date. The cache is made anew in one step, because whoever dies in the
 * middle of it leaves a lock that names it, and the next one begins again.
 *
 * A deadlock is a hang. What is given out was committed and is whole, is counted each time, and is received once at most. When nothing
 * moves any more, no receiver sleeps beside a message, and no sender beside room; what the dead had counts for both.
 *
 * Faults that must be found: BUG_NO_DEATHS, BUG_EARLY_ONLY, BUG_NO_LEASE_BACK, BUG_NO_REBUILD, BUG_UNCOUNTED (who waits), BUG_LATE_TICKET
 * (the line's number is read after the unlock), BUG_UNFINISHED_IS_READY, BUG_COMMIT_FIRST, BUG_UNMARKED (a delivery is not
 * counted), BUG_NO_LOOK_AT_OWNER (who acknowledges does not look whether the message is still its own); with SENDERS=2
 * BUG_DEAD_IS_GONE (blocks of a dead one are free before its threads are gone); with TIMED BUG_TAKES_WAKE_UP_ALONG;
 * with FORKED BUG_NO_NOTICE (the count does not grow) and BUG_GIVES_UP_BLINDLY (whoever gives up does not look whether the record
 * is still its own). */
#ifndef N
#define N 3
#endif
#ifndef SENDERS
#define SENDERS 1
#endif
#ifndef R
#define R 1
#endif
#ifndef S
#define S 2
#endif
#define GHOST(p) skip
#include "objects.h"

#define FREE 0
#define FILLING 1
#define READY 2
#define LEASED 3
byte state[R], own[R], id[R], text[R], deliveries[R];
bool ready[R], used[R];
byte seen, receivers, senders;          /* seenDeaths; who is counted in each line */
bool fresh[N];
#define MESSAGES 4
bool committed[MESSAGES], left[N];
byte begun[MESSAGES], received[MESSAGES];

/* The owner of what was given up. */
#define NOBODY N
#define DEADOWNER(n) (own[n] == NOBODY || dead[own[n]])
#define GONEOWNER(n) (own[n] == NOBODY || gone[own[n]])

#define RECEIVES(p) (p >= SENDERS)
#if R == 1
#define OWNED (state[0] == FILLING || state[0] == LEASED)
#define EACH(a) a(0)
#define FIND(set, bit) (set[0] == bit)
#define INDEX(set, bit) 0
#else
#define OWNED (state[0] == FILLING || state[0] == LEASED || state[1] == FILLING || state[1] == LEASED)
#define EACH(a) a(0); a(1)
#define FIND(set, bit) (set[0] == bit || set[1] == bit)
#define INDEX(set, bit) (set[0] == bit -> 0 : 1)
#endif

/* FUTEX_WAKE in the line of those who receive, or send */
inline wakeOneWho(isReceiver) {
    atomic {
        if
        :: asleep[0] && RECEIVES(0) == isReceiver -> asleep[0] = false
        :: asleep[1] && RECEIVES(1) == isReceiver -> asleep[1] = false
#if N > 2
        :: asleep[2] && RECEIVES(2) == isReceiver -> asleep[2] = false
#endif
        :: else
        fi
    }
}
inline changed(isReceiver) {
    fresh[0] = fresh[0] && RECEIVES(0) != isReceiver;
    fresh[1] = fresh[1] && RECEIVES(1) != isReceiver
#if N > 2
    ; fresh[2] = fresh[2] && RECEIVES(2) != isReceiver
#endif
}
inline wakeAllWho(isReceiver) {
    d_step {
        if :: RECEIVES(0) == isReceiver -> asleep[0] = false :: else fi;
        if :: RECEIVES(1) == isReceiver -> asleep[1] = false :: else fi;
#if N > 2
        if :: RECEIVES(2) == isReceiver -> asleep[2] = false :: else fi
#endif
    }
}
/* LineWakes.signal of one new thing: 1 wakes one, 2 all. */
inline signal(isReceiver, line, wakes) {
    d_step { if :: line > 0 -> line--; changed(isReceiver); wakes = (line == 0 -> 2 : 1) :: else fi }
}

#ifdef BUG_DEAD_IS_GONE
#define MAYWRITE(n) false
#else
#define MAYWRITE(n) (!GONEOWNER(n))
#endif
#ifdef BUG_UNFINISHED_IS_READY
#define UNFINISHED READY
#else
#define UNFINISHED FREE
#endif
/* QueueScan.settle */
inline settleDead(n) {
    d_step {
        if
        :: state[n] == FILLING && DEADOWNER(n) && MAYWRITE(n) -> leaving = own[n] + 1
        :: state[n] == FILLING && DEADOWNER(n) && !MAYWRITE(n) -> state[n] = UNFINISHED
#ifndef BUG_NO_LEASE_BACK
        :: state[n] == LEASED && DEADOWNER(n) -> state[n] = READY
#endif
        :: else
        fi
    }
}
#ifdef BUG_NO_REBUILD
#define REBUILD(n) skip
#else
#define REBUILD(n) ready[n] = state[n] == READY; used[n] = state[n] != FREE
#endif
/* TurnTaking.enter and QueueCore.lookForDeaths, with the lock */
inline enter() {
    d_step { leaving = 0; x = deaths };
    d_step { if :: died || (seen != x && OWNED) -> died = true :: else -> seen = x fi };
    if
    :: died ->
        EACH(settleDead);
        d_step {
            EACH(REBUILD);
            if :: leaving == 0 -> seen = x :: else fi;
            if :: receivers > 0 -> receivers = 0; changed(true); wr = 2 :: else fi;
            if :: senders > 0 -> senders = 0; changed(false); ws = 2 :: else fi;
            died = false
        }
    :: else
    fi
}
/* TurnTaking.leave */
inline leave() {
    release();
    if :: wr == 1 -> wakeOneWho(true) :: wr == 2 -> wakeAllWho(true) :: else fi;
    if :: ws == 1 -> wakeOneWho(false) :: ws == 2 -> wakeAllWho(false) :: else fi;
    d_step { wr = 0; ws = 0 }
}
/* TurnTaking.leaveWaiting */
inline leaveWaiting(line) {
#ifndef BUG_UNCOUNTED
    line++;
#endif
#ifndef BUG_LATE_TICKET
    fresh[me] = true;
#endif
    leave();
#ifdef BUG_LATE_TICKET
    fresh[me] = true;
#endif
    d_step { ticket = leaving; leaving = 0 };
}
/* TurnTaking.sleep, up to the sleep itself */
inline fallAsleep() { d_step { if :: fresh[me] && SAME(x) -> asleep[me] = true :: else fi; fresh[me] = false; x = 0; slept = true } }
/* acquire(after:) */
inline giveUp(isReceiver) {
#ifndef BUG_TAKES_WAKE_UP_ALONG
    wakeOneWho(isReceiver);
#endif
    goto over
}
/* QueueTable.abandon and Participant.announceLoss. A lease that nobody has read does not count. */
#ifdef BUG_GIVES_UP_BLINDLY
#define MINE(kind) true
#else
#define MINE(kind) (state[i] == kind && own[i] == me)
#endif
#ifdef BUG_NO_NOTICE
#define NOTICE skip
#else
#define NOTICE deaths++; wakeSleepers()
#endif
inline abandon(kind) {
    if
    :: d_step { MINE(kind) -> if :: kind == LEASED -> deliveries[i]--; begun[id[i]]-- :: else fi };
        d_step { if :: MINE(kind) -> own[i] = NOBODY :: else fi };
        d_step { NOTICE }
    :: else
    fi;
    goto over
}
#define CLEAR d_step { x = 0; leaving = 0; ticket = 0; i = 0; wr = 0; ws = 0; died = false; slept = false }

proctype Sender(byte me) {
    byte k, x, i, wr, ws, leaving, ticket; bool died, slept;
    {
        do
        :: k < S ->
again:      if
            :: take(died)
#ifdef TIMED
            :: slept -> giveUp(false)
#endif
            fi;
            enter();
            if
            :: !FIND(used, false) ->
                leaveWaiting(senders);
                if
                :: ticket > 0 ->
                    gone[ticket - 1];
                    d_step { ticket = 0; x = 0; fresh[me] = false }
                :: else ->
                    fallAsleep();
endRoom:            if
                    :: !asleep[me]
#ifdef TIMED
                    :: d_step { asleep[me] && me == 1 -> asleep[me] = false }; goto over
#endif
                    fi
                fi;
                goto again
            :: else
            fi;
            /* QueueTable.reserve */
            d_step { i = INDEX(used, false); used[i] = true; x = 0 };
            d_step { own[i] = me; id[i] = me * S + k; deliveries[i] = 0 };
            state[i] = FILLING;
            leave();
#ifndef BUG_COMMIT_FIRST
            /* QueueTable.fill */
            text[i] = 1 + me * S + k;
#endif
#ifdef FORKED
            if :: abandon(FILLING) :: true fi;
#endif
            /* QueueTable.publish */
            take(died);
            enter();
            if
            :: state[i] == FILLING && own[i] == me ->
                d_step { state[i] = READY; committed[id[i]] = true };
                ready[i] = true;
                signal(true, receivers, wr)
            :: else -> assert(dead[me])
            fi;
            leave();
#ifdef BUG_COMMIT_FIRST
            text[i] = 1 + me * S + k;
#endif
            atomic { k++; CLEAR }
        :: else -> break
        od;
over:   skip;
        d_step { left[me] = true; k = 0; x = 0; leaving = 0; ticket = 0; i = 0; wr = 0; ws = 0; died = false; slept = false }
    } unless { d_step { gone[me] -> k = 0; x = 0; leaving = 0; ticket = 0; i = 0; wr = 0; ws = 0; died = false; slept = false } }
}
proctype Receiver(byte me) {
    byte x, i, wr, ws, leaving, ticket; bool died, slept;
    {
again:  do
        :: true ->
            if
            :: take(died)
#ifdef TIMED
            :: slept -> giveUp(true)
#endif
            fi;
            enter();
            if
            :: !FIND(ready, true) ->
                leaveWaiting(receivers);
                if
                :: ticket > 0 ->
                    gone[ticket - 1];
                    d_step { ticket = 0; x = 0; fresh[me] = false }
                :: else ->
                    fallAsleep();
endMessage:         if
                    :: !asleep[me]
#ifdef TIMED
                    :: d_step { asleep[me] && me == 1 -> asleep[me] = false }; goto over
#endif
                    fi
                fi;
                goto again
            :: else
            fi;
            /* QueueTable.lease */
            d_step { i = INDEX(ready, true); own[i] = me; x = 0 };
            d_step {
                state[i] = LEASED;
#ifndef BUG_UNMARKED
                deliveries[i]++;
#endif
                begun[id[i]]++;
                assert(committed[id[i]] && text[i] == 1 + id[i]);
                assert(deliveries[i] == begun[id[i]]);
                assert(received[id[i]] == 0)
            };
            ready[i] = false;
            leave();
#ifdef FORKED
            if :: abandon(LEASED) :: true fi;
#endif
            /* The body runs; then QueueTable.settle. */
            take(died);
            enter();
            if
#ifdef BUG_NO_LOOK_AT_OWNER
            :: true ->
#else
            :: state[i] == LEASED && own[i] == me ->
#endif
                d_step {
                    state[i] = FREE;
                    received[id[i]]++;
                    assert(received[id[i]] == 1);
                    begun[id[i]] = 0; own[i] = 0; id[i] = 0; text[i] = 0; deliveries[i] = 0
                };
                used[i] = false;
                signal(false, senders, ws)
#ifndef BUG_NO_LOOK_AT_OWNER
            :: else -> assert(dead[me])
#endif
            fi;
            leave();
            CLEAR
        od;
over:   skip;
        d_step { left[me] = true; x = 0; leaving = 0; ticket = 0; i = 0; wr = 0; ws = 0; died = false; slept = false }
    } unless { d_step { gone[me] -> x = 0; leaving = 0; ticket = 0; i = 0; wr = 0; ws = 0; died = false; slept = false } }
}
#define SLEEPS(p, isReceiver) (asleep[p] && RECEIVES(p) == isReceiver)
#if N > 2
#define SOMEBODY(isReceiver) (SLEEPS(0, isReceiver) || SLEEPS(1, isReceiver) || SLEEPS(2, isReceiver))
#else
#define SOMEBODY(isReceiver) (SLEEPS(0, isReceiver) || SLEEPS(1, isReceiver))
#endif
#define QUIET(n) \
    assert(!SOMEBODY(true) || (state[n] != READY && !(state[n] == LEASED && GONEOWNER(n)))); \
    assert(!SOMEBODY(false) || (state[n] != FREE && !(state[n] == FILLING && GONEOWNER(n))))
#define SENT(p) assert(RECEIVES(p) || left[p] || gone[p] || asleep[p])
/* When nothing moves any more */
proctype End() {
    timeout -> d_step { EACH(QUIET); SENT(0); SENT(1) }
}
init {
    atomic {
        run Sender(0);
#if SENDERS > 1
        run Sender(1);
#else
        run Receiver(1);
#endif
#if N > 2
        run Receiver(2);
#endif
        run K(); run Kernel(); run End()
    }
}
