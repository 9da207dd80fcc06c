/* How the writer of a lossless broadcast wakes its readers: by a word that changes with every publication (the signal), on
 * which they sleep, and a flag of theirs that says that somebody sleeps, so that a writer whom nobody waits for makes no
 * system call.
 *
 * All accesses are sequentially consistent in the program, so one step here is one access. A sleep compares and sleeps in
 * one step, as futex(2) does. Nobody may sleep for ever: that would be an end state that is none. There is no look at the
 * clock: the half second after which the library looks again is no part of what must hold.
 */
#ifndef N
#define N 2
#endif
#ifndef M
#define M 3
#endif
byte tail, signal;
bool readersWait;
bool asleep[N];

inline wake() {
    atomic {
        i = 0;
        do
        :: i < N -> asleep[i] = 0; i++
        :: else -> break
        od
    }
}

proctype Writer() {
    byte sent, i;
    bool waits;
    do
    :: sent < M ->
        sent++;
        tail = sent;
#ifdef BUG_FLAG_IS_CLEARED_LAST
        signal++;
        if
        :: readersWait -> readersWait = 0; wake()
        :: else
        fi
#else
        atomic { waits = readersWait; readersWait = 0 };
#ifdef BUG_NO_CHANGE_BEFORE_THE_WAKE
        if :: waits -> wake() :: else fi;
        signal++
#else
        signal++;
        if :: waits -> wake() :: else fi
#endif
#endif
    :: else -> break
    od
}

proctype Reader(byte me) {
    byte seen, position;
    do
    :: position < M ->
        seen = signal;
        if
        :: tail > position -> position++
        :: else ->
            readersWait = 1;
            if
#ifndef BUG_READER_DOES_NOT_LOOK_AGAIN
            :: tail > position -> skip
            :: else ->
#else
            :: true ->
#endif
                atomic { if :: signal == seen -> asleep[me] = 1 :: else fi };
                !asleep[me]
            fi
        fi
    :: else -> break
    od
}

init {
    byte n;
    atomic {
        run Writer();
        do
        :: n < N -> run Reader(n); n++
        :: else -> break
        od
    }
}
