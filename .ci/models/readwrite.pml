/* Read-write lock: the writer's word, a count of readers for each process, and whether a writer waits for readers.
 * Processes 0..W-1 write, the others read; each may be killed before every step. A dead process's word and count are
 * nobody's; deaths are announced by K, which wakes all. Every sleep is on a word and the death count, and ends by a change
 * of either. A deadlock is a hang; `assert` says who is alone.
 *
 * Mutations that must be found: BUG_LOOK_FIRST (a reader looks at the writer's word before it counts itself), BUG_NO_WAKE (a
 * reader that goes wakes nobody), BUG_NO_DEATHS (sleeps do not see deaths). */
#ifndef N
#define N 3
#endif
#ifndef W
#define W 2
#endif
#ifndef MAXC
#define MAXC 2
#endif
#define ME (_pid - 1)
byte word;              /* 0: free, else process + 1 */
bool cell[N]; bool awaited; byte goings; byte deaths;
bool dead[N], told[N], crash[N];
byte asleep[N];         /* 0: no, 1: on the writer's word, 2: on goings */
bool dirty;             /* what is protected is half-changed */
bool doubtful;          /* a writer died, and nobody has repaired it */
byte inside;            /* the writer that is inside + 1, as long as it lives */

#define OWNERDEAD (word != 0 && dead[word-1])
#define READS(j) (cell[j] && !dead[j])
#if N == 3
#define ANYREADER (READS(0) || READS(1) || READS(2))
#define WAKEALL asleep[0]=0; asleep[1]=0; asleep[2]=0
#define WAKEONE if :: asleep[0]==1 -> asleep[0]=0 :: asleep[1]==1 -> asleep[1]=0 :: asleep[2]==1 -> asleep[2]=0 :: else fi
#define WAKEGOINGS if :: asleep[0]==2 -> asleep[0]=0 :: else fi; if :: asleep[1]==2 -> asleep[1]=0 :: else fi; if :: asleep[2]==2 -> asleep[2]=0 :: else fi
#else
#define ANYREADER (READS(0) || READS(1))
#define WAKEALL asleep[0]=0; asleep[1]=0
#define WAKEONE if :: asleep[0]==1 -> asleep[0]=0 :: asleep[1]==1 -> asleep[1]=0 :: else fi
#define WAKEGOINGS if :: asleep[0]==2 -> asleep[0]=0 :: else fi; if :: asleep[1]==2 -> asleep[1]=0 :: else fi
#endif
#ifdef BUG_NO_DEATHS
#define SAME(d) true
#else
#define SAME(d) (deaths == d)
#endif

/* The lock word, with the sleepers' bit left out: an unlock wakes one whether it must or not. */
inline take() {
    do
    :: d = deaths;
       if
       :: atomic { word == 0 -> word = ME + 1; died = false }; break
       :: atomic { OWNERDEAD -> word = ME + 1; died = true }; break
       :: else -> seen = word;
          atomic { if :: word == seen && seen != 0 && SAME(d) -> asleep[ME] = 1 :: else fi };
          asleep[ME] == 0
       fi
    od;
    if :: died -> doubtful = true :: else fi
}
inline release() { word = 0; d_step { WAKEONE } }

/* With the word: until no reader is left; a writer may give up. */
inline alone(mayGiveUp) {
    gaveUp = false;
    do
    :: d = deaths; awaited = true; seen = goings;
       if
       :: !ANYREADER -> awaited = false; break
       :: else ->
          if
          :: mayGiveUp -> gaveUp = true; awaited = false; break
          :: atomic { if :: goings == seen && SAME(d) -> asleep[ME] = 2 :: else fi }; asleep[ME] == 0
          fi
       fi
    od
}
inline repair() { if :: doubtful -> dirty = false; doubtful = false :: else fi }

proctype Writer() {
    byte d, seen; bool died, gaveUp;
    {
        take();
        alone(true);
        if
        :: gaveUp ->
           release()
        :: else ->
           repair();
           atomic { assert(!dirty && inside == 0); inside = ME + 1; dirty = true };
           atomic { dirty = false; inside = 0 };
           release()
        fi
    } unless { atomic { crash[ME] -> asleep[ME] = 0; if :: inside == ME + 1 -> inside = 0 :: else fi; dead[ME] = true } }
}
proctype Reader() {
    byte d, seen; bool died, gaveUp;
    {
#ifdef BUG_LOOK_FIRST
        if :: word == 0 && !doubtful -> cell[ME] = true; goto in :: else fi;
#else
        cell[ME] = true;
        if :: word == 0 -> if :: !doubtful -> goto in :: else fi :: else fi;
        cell[ME] = false;
        if :: awaited -> goings++; d_step { WAKEGOINGS } :: else fi;
#endif
        take();
        if :: doubtful -> alone(false); repair() :: else fi;
        cell[ME] = true;
        release();
in:     assert(!dirty && inside == 0);
        cell[ME] = false;
#ifndef BUG_NO_WAKE
        if :: awaited -> goings++; d_step { WAKEGOINGS } :: else fi
#endif
    } unless { atomic { crash[ME] -> asleep[ME] = 0; dead[ME] = true } }
}
/* Announces deaths. */
proctype K() {
    byte k;
endk: do
    :: atomic { dead[0] && !told[0] -> k = 0 }; deaths++; d_step { WAKEALL }; told[k] = true
    :: atomic { dead[1] && !told[1] -> k = 1 }; deaths++; d_step { WAKEALL }; told[k] = true
#if N == 3
    :: atomic { dead[2] && !told[2] -> k = 2 }; deaths++; d_step { WAKEALL }; told[k] = true
#endif
    od
}
proctype Killer() {
    byte count;
    do
    :: count < MAXC -> atomic { if :: !crash[0] -> crash[0] = true :: !crash[1] -> crash[1] = true
#if N == 3
       :: !crash[2] -> crash[2] = true
#endif
       :: else fi; count++ }
    :: break
    od
}
init {
    byte i;
    atomic {
        i = 0;
        do :: i < N -> if :: i < W -> run Writer() :: else -> run Reader() fi; i++ :: else -> break od;
        run K(); run Killer()
    }
}
