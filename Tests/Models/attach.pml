/* Coming, going, recycling and the announcement of deaths, with a crash possible before every step.
 *
 * N processes share SLOTS slots. Each comes (under the region's lock: finds a free slot, else recycles a dead one), is
 * in, and goes or stays; it may be killed before any step (at most MAXC times in all). A keeper sweeps, watches the next
 * live slot (K = 1) and sleeps. An observer takes part for ever; it waits until the first participant that it saw has gone,
 * with no time-out. When nothing moves any more, it must not sleep for somebody who has gone.
 *
 * One step is one atomic access. The kernel's part is atomic: it marks the token of a process that is killed and wakes
 * one watcher; then the region's lock is free.
 */
#ifndef N
#define N 2
#endif
#define SLOTS 2
#ifndef MAXC
#define MAXC 2
#endif
#define P (N + 1)          /* the observer is process 0 */
#define FREE 0
#define DEAD 99
#define LEAVING 50         /* + the process + 1: dead for all, but the kernel still knows whose it is */
#define IS_DEAD(t) ((t) > LEAVING)
byte token[SLOTS];         /* FREE, DEAD, the process + 1, or that + LEAVING */
byte gen[SLOTS], announced[SLOTS];
byte deaths, roster, lock; /* lock: the process + 1 */
byte crashes;
bool asleep[P];            /* the keeper sleeps */
byte watchSlot[P];         /* the slot that it watches while it sleeps, SLOTS: none */
byte pending[P];           /* list_op_pending: slot + 1 */
byte listed[P];            /* in its robust list: slot + 1 */
bool killed[P];
bool waiterSleeps;
byte owner, ownerGen;      /* slot + 1 and generation of whom the observer waits for */
bool shown;                /* somebody held the lock word before he died or went */

inline wakeKeepers() { d_step { w = 0; do :: w < P -> asleep[w] = 0; w++ :: else -> break od; w = 0 } }
inline wakeWatchers(s) {
    d_step { w = 0; do :: w < P -> if :: watchSlot[w] == s -> asleep[w] = 0 :: else fi; w++ :: else -> break od; w = 0 }
}
inline announce() { deaths++; waiterSleeps = 0 }

/* What the kernel does: pending and list, then the lock. */
inline kernel(me) {
    atomic {
        asleep[me] = 0;
        if :: pending[me] -> mark(pending[me] - 1, me) :: else fi;
        if :: listed[me] -> mark(listed[me] - 1, me) :: else fi;
        pending[me] = 0; listed[me] = 0;
    }
    if :: lock == me + 1 -> lock = 0 :: else fi
}
inline mark(s, me) {
    if
    :: token[s] == me + 1 || token[s] == LEAVING + me + 1 -> token[s] = DEAD; wakeOne(s)
    :: token[s] == FREE -> wakeOne(s)   /* the idle wake of a pending token */
    :: else
    fi
}
inline wakeOne(s) {
    if
    :: asleep[0] && watchSlot[0] == s -> asleep[0] = 0
    :: asleep[1] && watchSlot[1] == s -> asleep[1] = 0
#if P > 2
    :: asleep[2] && watchSlot[2] == s -> asleep[2] = 0
#endif
#if P > 3
    :: asleep[3] && watchSlot[3] == s -> asleep[3] = 0
#endif
    :: else
    fi
}

inline come(me) {
    atomic { lock == 0 -> lock = me + 1 };
    /* choose: free first */
    if
    :: token[0] == FREE -> mine = 0
    :: token[0] != FREE && token[1] == FREE -> mine = 1
    :: token[0] != FREE && token[1] != FREE && IS_DEAD(token[0]) -> mine = 0
    :: token[0] != FREE && token[1] != FREE && !IS_DEAD(token[0]) && IS_DEAD(token[1]) -> mine = 1
    :: else -> lock = 0; goto noRoom
    fi;
    if
    :: IS_DEAD(token[mine]) ->
        announce();
#ifdef BUG_GENERATION_BEFORE_TOKEN
        gen[mine] = gen[mine] + 1; token[mine] = FREE
#else
        token[mine] = FREE
#endif
    :: else
    fi;
    pending[me] = mine + 1;
#ifndef BUG_GENERATION_BEFORE_TOKEN
    gen[mine] = gen[mine] + 1;
#endif
    token[mine] = me + 1;
    listed[me] = mine + 1;
    pending[me] = 0;
#ifndef BUG_NO_ROSTER
    roster++;
    wakeKeepers();
#endif
    lock = 0
}
inline go(me) {
    atomic { lock == 0 -> lock = me + 1 };
    pending[me] = mine + 1;
    listed[me] = 0;
#ifdef BUG_FREE_FIRST       /* killed then, it is never announced: the kernel leaves a free token alone */
    token[mine] = FREE;
    announced[mine] = gen[mine];
    wakeWatchers(mine);
    announce();
#else
    token[mine] = LEAVING + me + 1;
    announce();
    announced[mine] = gen[mine];
    wakeWatchers(mine);
    token[mine] = FREE;
#endif
    pending[me] = 0;
#ifndef BUG_NO_ROSTER
    roster++;
    wakeKeepers();
#endif
    lock = 0
}
/* One slot of a sweep: generation, token, generation again; the mark comes last. */
inline sweep(s) {
    g = gen[s];
    if
    :: IS_DEAD(token[s]) ->
#ifdef BUG_NO_SECOND_LOOK
        g = gen[s];
#else
        if :: gen[s] != g -> goto again :: else fi;
#endif
        if
        :: announced[s] < g ->
            announce();
            announce();         /* again, when no thread of the dead runs any more: see mutex.pml */
            atomic { if :: announced[s] < g -> announced[s] = g :: else fi }
        :: else
        fi
    :: else
    fi
}
inline keep(me) {
    skip;
again: ro = roster;
    sweep(0); sweep(1);
    atomic {
        o = 1 - mine; t = token[o];
        if
        :: IS_DEAD(t) && announced[o] < gen[o] -> goto again
        :: t == FREE || (IS_DEAD(t) && announced[o] >= gen[o]) -> o = SLOTS
        :: else
        fi
    };
    atomic {
        if
        :: roster == ro && (o == SLOTS || token[o] == t) -> asleep[me] = 1; watchSlot[me] = o
        :: else
        fi
    };
    if
    :: stays -> 
endSleeping: !asleep[me]; goto again
    :: !stays -> asleep[me] = 0
    fi
}

proctype Member(byte me) {
    byte mine, ro, o, t, g, w; bool stays;
    {
        skip;
life:   come(me);
        if
        :: atomic { !shown -> shown = 1; owner = mine + 1; ownerGen = gen[mine] };
            /* Who holds something does not leave; that others learn of it if he did must not depend on that. */
            if :: stays = 1 :: stays = 0 fi
        :: stays = 1
        :: stays = 0
        fi;
        keep(me);
        go(me);
        goto done;
noRoom: skip
    } unless {
        killed[me];
        kernel(me);
        /* Another process in its place, once. */
        if :: crashes < MAXC && t != 77 -> atomic { killed[me] = 0; t = 77; mine = 0; g = 0; o = 0; ro = 0 }; goto life
        :: skip fi
    };
done: skip
}

/* Process 0 is in from the start: its keeper and its waiting thread. */
proctype Observer() {
    byte mine, ro, o, t, g, w; bool stays = 1;
    mine = 0;
    keep(0);
noRoom: skip
}
proctype Waiter() {
    byte d, s;
endIdle: shown;
    do
    :: d = deaths;
        s = owner - 1;
        atomic { if :: gen[s] != ownerGen || token[s] == FREE || IS_DEAD(token[s]) -> break :: else fi };
        atomic { if :: deaths == d -> waiterSleeps = 1 :: else fi };
endAsleep: !waiterSleeps
    od
}
proctype Killer() {
    byte k;
    do
    :: crashes < MAXC -> select(k : 1 .. N); atomic { if :: !killed[k] -> killed[k] = 1; crashes++ :: else fi }
    :: break
    od
}
/* When nothing moves any more, nobody sleeps for somebody who has gone. */
proctype Judge() {
endJudge:
    timeout;
    assert(!(waiterSleeps && (gen[owner - 1] != ownerGen || token[owner - 1] == FREE || IS_DEAD(token[owner - 1]))))
}
init {
    atomic {
        token[0] = 1; gen[0] = 1; listed[0] = 1; watchSlot[0] = SLOTS; watchSlot[1] = SLOTS;
        run Observer(); run Waiter(); run Killer(); run Judge();
        run Member(1);
#if N > 1
        run Member(2);
#endif
    }
}
