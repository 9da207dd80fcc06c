/* A barrier (ProcessBarrier) of PARTIES parties and ROUNDS rounds; each process may die before every step. With SPARE, one
 * process more waits until a party is dead and joins in its place, and who finds a round broken resets it and goes on;
 * without it, who finds a round broken stops. With TIMED, who waits may withdraw once (.timedOut, .cancelled), and comes again.
 *
 * A deadlock is a hang. Nobody passes a round before PARTIES have arrived in it, and no round is broken unless somebody died.
 *
 * Faults that must be found: BUG_NO_DEATHS, BUG_NO_LOOK (who wakes from a death does not look who died), BUG_LATE_DEATHS (the
 * death count of the sleep is read after the look for the dead), BUG_FORGET_FIRST (the cells of the dead are cleared before
 * the round is broken), BUG_NO_CHECK (nobody looks for the dead) and, with TIMED, BUG_STAYS (who withdraws leaves his arrival). */
#ifndef PARTIES
#define PARTIES 3
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifdef SPARE
#define N (PARTIES + 1)
#else
#define N PARTIES
#endif
#define GHOST(p) skip
#include "objects.h"

bool member[N];
byte state;                             /* the round * 2, and whether it is broken */
byte brokenRounds;                      /* a bit for each */
bool even[N], odd[N];                   /* who has arrived in an even round, in an odd one */
byte came[ROUNDS + 2];                  /* how many have ever arrived and not withdrawn, for the assertion */

#define ROUND (state / 2)
#define BROKEN (state % 2 == 1)
#define COUNTS(a, p) (a[p] && !gone[p])
#define DIED(p) dead[p]
#define ISDEAD(p) (member[p] && dead[p])
#if N == 2
#define SUM(a) (COUNTS(a, 0) + COUNTS(a, 1))
#else
#define SUM(a) (COUNTS(a, 0) + COUNTS(a, 1) + COUNTS(a, 2))
#endif
/* ParticipantCells.clearDead: forgets those who are dead at that moment, one after the other. */
inline forget() {
    if :: ISDEAD(0) -> member[0] = false :: else fi;
    if :: ISDEAD(1) -> member[1] = false :: else fi;
#if N > 2
    if :: ISDEAD(2) -> member[2] = false :: else fi
#endif
}
/* ProcessBarrier.breakIfSomebodyDied */
inline look() {
#ifndef BUG_NO_CHECK
    if
    :: ANY(ISDEAD) ->
#ifdef BUG_FORGET_FIRST
        forget();
#endif
        d_step { brokenRounds = brokenRounds | (1 << ROUND) };
        if :: !BROKEN -> state++ :: else fi;
#ifndef BUG_FORGET_FIRST
        forget();
#endif
        wakeAll()
    :: else
    fi
#else
    skip
#endif
}
/* ProcessBarrier.prepare, of the round after this one */
inline prepare() {
    d_step { if :: ROUND % 2 == 0 -> odd[0] = false :: else -> even[0] = false fi };
    d_step { if :: ROUND % 2 == 0 -> odd[1] = false :: else -> even[1] = false fi };
#if N > 2
    d_step { if :: ROUND % 2 == 0 -> odd[2] = false :: else -> even[2] = false fi };
#endif
    brokenRounds = brokenRounds & (255 - (1 << (ROUND + 1)))
}

proctype Party(byte me) {
    byte before, now, mine; bool withdrew;
#ifdef SPARE
    if
    :: me == PARTIES ->
        /* Somebody else saw to it that a place is free. */
        (SUM(member) < PARTIES || state / 2 >= ROUNDS) ;
    :: else
    fi;
#endif
    {
        skip;
#ifdef SPARE
        if
        :: me == PARTIES ->
            /* ProcessBarrier.join */
            takeAny(); look();
            if
            :: member[0] + member[1] + member[2] < PARTIES -> member[me] = true; release()
            :: else -> release(); goto over
            fi
        :: else
        fi;
#endif
next:
        /* Party.arrive */
        before = deaths;
        takeAny();
        if :: ROUND >= ROUNDS -> release(); goto leave :: else fi;
        look();
        if
        :: BROKEN -> release(); goto broken
        :: else
        fi;
        d_step {
            mine = ROUND * 2; came[ROUND]++;
            if :: ROUND % 2 == 0 -> even[me] = true :: else -> odd[me] = true fi
        };
        if
        :: (ROUND % 2 == 0 && SUM(even) >= PARTIES) || (ROUND % 2 == 1 && SUM(odd) >= PARTIES) ->
            prepare();
            state = state + 2;
            wakeAll();
            release();
            goto passed
        :: else -> release()
        fi;
        do
        ::
            /* isOver */
            if
            :: state != mine ->
                if
                :: brokenRounds & (1 << (mine / 2)) -> goto broken
                :: else -> goto passed
                fi
            :: else
            fi;
#ifdef BUG_LATE_DEATHS
            before = deaths;
#endif
#ifdef TIMED
            if
            :: !withdrew ->
                withdrew = true;
                takeAny();
                if
                :: state == mine ->
#ifndef BUG_STAYS
                    d_step {
                        came[mine / 2]--;
                        if :: ROUND % 2 == 0 -> even[me] = false :: else -> odd[me] = false fi
                    };
#else
                    came[mine / 2]--;
#endif
                    release();
                    mine = 0;
                    goto next
                :: else -> release()
                fi
            :: true
            fi;
#endif
            sleepWhile(state == mine, before);
            now = deaths;
            if
            :: now != before ->
#ifndef BUG_NO_LOOK
                takeAny();
                look();
                release();
#endif
                before = now
            :: else
            fi;
            now = 0
        od;
passed: assert(came[mine / 2] >= PARTIES);
        atomic { mine = 0; before = 0; now = 0 };
        goto next;
broken: assert(ANY(DIED));
        atomic { mine = 0; before = 0; now = 0 };
#ifdef SPARE
        /* ProcessBarrier.reset */
        takeAny();
        look();
        if
        :: BROKEN ->
            prepare();
            state = state + 1
        :: else
        fi;
        release();
        wakeAll();
        goto next;
#endif
leave:  member[me] = false;             /* Party.leave */
over:   skip
    } unless { d_step { gone[me] -> before = 0; now = 0; mine = 0; withdrew = false } }
}
init {
    byte i;
    atomic {
        do
        :: i < N -> if :: i < PARTIES -> member[i] = true :: else fi; run Party(i); i++
        :: else -> break
        od;
        i = 0;
        run K(); run Kernel()
    }
}
