/* The lock word (LockWord, LockAttempt), the value of a mutex (MutexCore), the announcement of deaths and the recycling of
 * slots, with a death possible before every step.
 *
 * N threads, each of a process of its own (SHARED: the last two are of one process), take and release the lock ROUNDS
 * times. A process dies in two steps, at most MAXC times in all: the kernel marks its token, and some time later its
 * threads stop; between the two they go on. With LIVES, another process takes the slot afterwards. K stands for all
 * keepers: it announces each death some time after the mark (attach.pml shows that somebody always does).
 *
 * A deadlock is a hang. The assertions: one owner, and he finds the value whole and as it was last committed.
 *
 * Not here: the fast path of LockWord.takeFree, the spinning and `hungry` (a look more, or a pause that ends by itself).
 *
 * Faults that must be found: BUG_NO_DEATHS, BUG_SLEEPER_WITHOUT_W, BUG_TIMEOUT_CLEARS_W (with TIMED),
 * BUG_BEFORE_GONE, BUG_EARLY_ONLY, BUG_COMMIT_FIRST, BUG_IN_PLACE, BUG_BOOLEAN_ANNOUNCED, BUG_GENERATION_FIRST (these two with LIVES). */
#ifndef N
#define N 2
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif
#ifndef LIVES
#define LIVES 0
#endif
#ifndef MAXC
#define MAXC 2
#endif
#ifdef SHARED
#define P (N - 1)                       /* processes, and slots */
#define PROCESS(i) ((i) < P -> (i) : P - 1)
#else
#define P N
#define PROCESS(i) (i)
#endif
#define FREE 0
#define LIVE 1
#define DEAD 2

byte word;                              /* the owner * 2, and whether somebody sleeps; the owner: 1 + slot + P * generation */
byte deaths;
byte token[P] = LIVE, gen[P], announced[P];  /* announced: the highest generation + 1 */
bool gone[P];                           /* no thread of the one in the slot runs any more */
bool asleep[N];
byte lives;
bool inside[N];
bool indexWord;
#ifdef VALUE
byte low[2], high[2], committed;
#endif
hidden byte j;

#define ID(p) (1 + (p) + P * gen[p])
#define SLOT(v) (((v) / 2 - 1) % P)
#define GENERATION(v) (((v) / 2 - 1) / P)
#define INSIDE (inside[0] + inside[1] + INSIDE2)
#if N > 2
#define INSIDE2 inside[2]
#else
#define INSIDE2 0
#endif

/* FUTEX_WAKE of one sleeper, whichever. */
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
/* ParticipantTable.announceDeath */
inline announceDeath() {
    deaths++;
    wakeAll()
}

proctype Thread(byte me) {
    byte v, d, r, id; bool slept, dead;
life:
    {
        d_step { id = ID(PROCESS(me)) * 2 };
        do
        :: r < ROUNDS ->
again:
            d = deaths;                                     /* LockAttempt.step: deathCount.loadAcquiring */
            atomic {                                        /* word.loadAcquiring; LockAttempt.takeFree */
                v = word;
                if
                :: v == 0 ->
#ifdef BUG_SLEEPER_WITHOUT_W
                    word = id;
#else
                    word = id + slept;
#endif
                    goto taken
                :: else
                fi
            };
            /* ParticipantTable.isDead */
#if LIVES > 0
            dead = token[SLOT(v)] != LIVE;
            dead = dead || gen[SLOT(v)] != GENERATION(v);
#else
            dead = token[SLOT(v)] != LIVE;
#endif
            if
            :: dead ->
#ifdef TIMED
                if :: goto over :: skip fi;                 /* waitUntilGone: .timedOut, .cancelled */
#endif
#ifndef BUG_BEFORE_GONE
                /* LockAttempt.takeOver: departure(of:); Participant.waitUntilGone */
                gen[SLOT(v)] != GENERATION(v) || token[SLOT(v)] == FREE || gone[SLOT(v)];
#endif
                atomic {                                    /* LockAttempt.takeOver */
                    if
                    :: word == v -> word = id + 1; goto taken
                    :: else -> goto again
                    fi
                }
            :: else ->
                if
                :: v % 2 == 0 ->                            /* LockAttempt.prepareToSleep */
                    atomic {
                        if
                        :: word == v -> word = v + 1; v = v + 1
                        :: else -> goto again
                        fi
                    }
                :: else
                fi;
#ifdef TIMED
                if                                          /* LockAttempt.willSleep: .timedOut, .cancelled */
                ::
#ifdef BUG_TIMEOUT_CLEARS_W
                    atomic { if :: word == v -> word = v - 1 :: else fi };
#endif
                    goto over
                :: skip
                fi;
#endif
                atomic {                                    /* FutexWaitSet.wait */
                    if
#ifdef BUG_NO_DEATHS
                    :: word == v -> asleep[me] = true
#else
                    :: word == v && deaths == d -> asleep[me] = true
#endif
                    :: else
                    fi;
                    slept = true; v = 0; d = 0
                };
                !asleep[me];
                goto again
            fi;
taken:
            atomic {                                        /* MutexCore.prepare */
                v = 0; d = 0; dead = false;
                inside[me] = true;
                assert(INSIDE == 1);
#ifdef VALUE
                assert(low[indexWord] == high[indexWord] && low[indexWord] == committed)
#endif
            };
#ifdef VALUE
#ifdef BUG_IN_PLACE
            low[indexWord] = (low[indexWord] + 1) % 3;
            atomic { high[indexWord] = (high[indexWord] + 1) % 3; committed = high[indexWord] };
#else
#ifdef BUG_COMMIT_FIRST
            d_step { indexWord = 1 - indexWord; committed = (committed + 1) % 3 };
            low[indexWord] = (low[1 - indexWord] + 1) % 3;
            high[indexWord] = (high[1 - indexWord] + 1) % 3;
#else
            low[1 - indexWord] = (low[indexWord] + 1) % 3;  /* the body, in the working copy */
            high[1 - indexWord] = (high[indexWord] + 1) % 3;
            d_step {                                        /* MutexCore.finish */
                indexWord = 1 - indexWord; committed = (committed + 1) % 3
            };
#endif
#endif
#endif
            atomic {                                        /* LockWord.unlock */
                inside[me] = false;
                if
                :: word == id -> word = 0; goto over
                :: else -> assert(word == id + 1); inside[me] = true
                fi
            };
            d_step { word = 0; inside[me] = false };        /* LockWord.unlockWithSleepers */
            wakeOne();
over:       atomic { slept = false; v = 0; d = 0; dead = false; r++ }
        :: else -> break
        od
    } unless { d_step { gone[PROCESS(me)] -> v = 0; d = 0; slept = false; dead = false } };
#if LIVES > 0
    if
    :: atomic { r < ROUNDS && lives < LIVES -> lives++ };
        /* ParticipantTable.recycle and takeSlot, by another process, which may be killed on the way. */
        announceDeath();
        if :: goto done :: skip fi;
#ifdef BUG_GENERATION_FIRST
        gen[me] = gen[me] + 1;
        if :: goto done :: skip fi;
        token[me] = FREE;
#else
        token[me] = FREE;
        if :: goto done :: skip fi;
        gen[me] = gen[me] + 1;
#endif
        if :: goto done :: skip fi;
        d_step { token[me] = LIVE; gone[me] = false };
        goto life
    :: skip
    fi;
done:
#endif
    skip
}
/* ParticipantTable.sweep, of all keepers together: at the mark, and again when no thread of the dead runs any more: one of
 * them may have taken a wake-up after the first time. */
#if LIVES == 0
#ifdef BUG_NO_DEATHS
inline wakeSleepers() { skip }          /* nobody sleeps on the count */
#else
inline wakeSleepers() { wakeAll() }
#endif
/* The count and the wake-up are one step: whoever sleeps in between is woken for nothing. */
inline early(p) { d_step { token[p] == DEAD && announced[p] == 0 -> deaths++; announced[p] = 1; wakeSleepers() } }
inline late(p) { d_step { gone[p] && announced[p] == 1 -> deaths++; announced[p] = 2; wakeSleepers() } }
proctype K() {
endK:
    do
    :: early(0)
    :: early(1)
#if P > 2
    :: early(2)
#endif
#ifndef BUG_EARLY_ONLY
    :: late(0)
    :: late(1)
#if P > 2
    :: late(2)
#endif
#endif
    od
}
#else
#define NEWS(p) (token[p] == DEAD && announced[p] <= gen[p])
proctype K() {
    byte k, g;
endK:
    do
    :: atomic { if
        :: NEWS(0) -> k = 0
        :: NEWS(1) -> k = 1
#if P > 2
        :: NEWS(2) -> k = 2
#endif
        fi; g = gen[k] + 1 };
        announceDeath();
#ifndef BUG_EARLY_ONLY
        gone[k] || gen[k] >= g || token[k] != DEAD;
        announceDeath();
#endif
#ifdef BUG_BOOLEAN_ANNOUNCED
        d_step { announced[k] = gen[k] + 1; k = 0; g = 0 }
#else
        d_step { if :: announced[k] < g -> announced[k] = g :: else fi; k = 0; g = 0 }
#endif
    od
}
#endif
inline stop(p) {
    gone[p] = true; j = 0;
    do :: j < N -> if :: PROCESS(j) == p -> asleep[j] = false; inside[j] = false :: else fi; j++ :: else -> break od; j = 0
}
/* The kernel: SIGKILL at any instant, then the mark, then the end of the other threads. */
proctype Kernel() {
    byte left = MAXC;
endKernel:
    do
    :: d_step { left > 0 && token[0] == LIVE -> token[0] = DEAD; left-- }
    :: d_step { left > 0 && token[1] == LIVE -> token[1] = DEAD; left-- }
#if P > 2
    :: d_step { left > 0 && token[2] == LIVE -> token[2] = DEAD; left-- }
#endif
    :: d_step { token[0] == DEAD && !gone[0] -> stop(0) }
    :: d_step { token[1] == DEAD && !gone[1] -> stop(1) }
#if P > 2
    :: d_step { token[2] == DEAD && !gone[2] -> stop(2) }
#endif
    :: d_step { left > 0 -> left = 0 }
    od
}
init {
    atomic {
        run Thread(0); run Thread(1);
#if N > 2
        run Thread(2);
#endif
        run K(); run Kernel()
    }
}
