/* Several tasks of one process send into one ring, on processors whose stores wait in a buffer (total store order). Each
 * takes the lock, commits a message, gives the lock back, which is a full barrier, and only then looks at the receiver's
 * bell, beside whoever has the lock by then. The receiver sleeps when there is nothing. ring.pml has the rest: a ring that is
 * full, deaths, batches.
 *
 * One step is one access to memory. Nobody may sleep for ever: that would be an end state that is none.
 */
#ifndef T
#define T 2
#endif
#ifndef M
#define M 4
#endif
byte sent, bell;              /* committed slots; 1: the receiver sleeps */
bool locked, hint;            /* the eventfd has been rung; it stays so until it is taken */
byte next;                    /* what the lock protects */
chan stores[T] = [2] of { byte };
chan bellStores = [2] of { byte };

proctype ArriveSent(byte me) {
    byte value;
endNothing:
    do
    :: atomic { stores[me]?value -> sent = value }
    od
}

proctype ArriveBell() {
    byte value;
endNothing:
    do
    :: atomic { bellStores?value -> bell = value }
    od
}

inline look() {
    if
    :: bell == 1 ->
        atomic {
            empty(stores[me]) ->  /* an exchange is a barrier itself */
            if :: bell == 1 -> bell = 0; hint = 1 :: else fi
        }
    :: bell == 0
    fi
}

proctype Task(byte me) {
    do
    :: atomic { empty(stores[me]) && !locked -> locked = 1 };
        if
        :: next == M -> locked = 0; break
        :: else
        fi;
        next++;
        stores[me]!next;
#ifdef BUG_LOOKS_BEFORE_THE_LOCK_IS_BACK
        look();
        atomic { empty(stores[me]) -> locked = 0 }
#else
        atomic { empty(stores[me]) -> locked = 0 };
        look()
#endif
    od
}

proctype Receiver() {
    byte position;
    do
    :: position == M -> break
    :: position < M ->
        if
        :: sent > position -> position++
        :: else ->
            bellStores!1;
            empty(bellStores);
            if
            :: sent > position
            :: else -> hint -> hint = 0
            fi;
            bellStores!0
        fi
    od
}

init {
    byte n;
    atomic {
        run Receiver();
        run ArriveBell();
        do
        :: n < T -> run ArriveSent(n); run Task(n); n++
        :: else -> break
        od
    }
}
