/* What the models of the objects have in common. An object's own lock is one word that is taken when it is free or its owner
 * is gone, and no step more: mutex.pml shows that a lock is that. A process dies in two steps, at most MAXC times in all: the
 * kernel marks its token (dead), and some time later its threads stop (gone); between the two they go on. K stands for
 * all keepers: it announces each death some time after the mark, and again after the end of the threads, before it gives it
 * up; attach.pml shows that somebody always does.
 *
 * FUTEX_WAIT on a word and on the count of deaths is one step, with the comparison of both: `asleep` is set.
 *
 * A deadlock is a hang. Before the inclusion: N processes (2 or 3), MAXC. */
#ifndef MAXC
#define MAXC 1
#endif
byte lock;                              /* 0: free, else the process + 1 */
byte deaths;
bool dead[N], gone[N], asleep[N];
byte told[N];                           /* 1: at the mark, 2: after the end of the threads */
hidden byte j;

#if N == 2
#define ALL(a) (a(0) && a(1))
#define ANY(a) (a(0) || a(1))
#else
#define ALL(a) (a(0) && a(1) && a(2))
#define ANY(a) (a(0) || a(1) || a(2))
#endif

/* FUTEX_WAKE */
inline wakeOne() {
    atomic {
        if
        :: asleep[0] -> asleep[0] = false
        :: asleep[1] -> asleep[1] = false
#if N > 2
        :: asleep[2] -> asleep[2] = false
#endif
        :: else
        fi
    }
}
inline wakeAll() {
#if N > 2
    d_step { asleep[0] = false; asleep[1] = false; asleep[2] = false }
#else
    d_step { asleep[0] = false; asleep[1] = false }
#endif
}
#ifdef BUG_NO_DEATHS
#define SAME(d) true
#else
#define SAME(d) (deaths == d)
#endif
/* FutexWaitSet.wait on a word of the object, as long as `same` holds, and on the count of deaths. */
inline sleepWhile(same, d) {
    atomic { if :: same && SAME(d) -> asleep[me] = true :: else fi };
    !asleep[me]
}

/* LockWord.lock and unlock. `died` is set when the owner died with it. */
#define CANTAKE (lock == 0 || gone[lock - 1])
inline take(died) { d_step { CANTAKE -> died = lock != 0; lock = me + 1 } }
inline takeAny() { d_step { CANTAKE -> lock = me + 1 } }
inline release() { lock = 0 }

#ifdef BUG_NO_DEATHS
inline wakeSleepers() { skip }          /* nobody sleeps on the count */
#else
inline wakeSleepers() { wakeAll() }
#endif
/* ParticipantTable.sweep. The count and the wake-up are one step: whoever sleeps in between is woken for nothing. */
inline early(p) { d_step { dead[p] && told[p] == 0 -> deaths++; told[p] = 1; wakeSleepers() } }
inline late(p) { d_step { gone[p] && told[p] == 1 -> deaths++; told[p] = 2; wakeSleepers() } }
proctype K() {
endK:
    do
    :: early(0)
    :: early(1)
#if N > 2
    :: early(2)
#endif
#ifndef BUG_EARLY_ONLY
    :: late(0)
    :: late(1)
#if N > 2
    :: late(2)
#endif
#endif
    od
}
/* GHOST(p) takes back what a model notes of a process for its assertions. */
inline stop(p) { d_step { dead[p] && !gone[p] -> gone[p] = true; asleep[p] = false; GHOST(p) } }
proctype Kernel() {
    byte left = MAXC;
endKernel:
    do
    :: d_step { left > 0 && !dead[0] -> dead[0] = true; left-- }
    :: d_step { left > 0 && !dead[1] -> dead[1] = true; left-- }
#if N > 2
    :: d_step { left > 0 && !dead[2] -> dead[2] = true; left-- }
#endif
    :: stop(0)
    :: stop(1)
#if N > 2
    :: stop(2)
#endif
    :: d_step { left > 0 -> left = 0 }
    od
}
