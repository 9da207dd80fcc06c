/* The two bells of one direction of a ring, on processors whose stores wait in a buffer (total store order), with a death
 * possible before every step.
 *
 * The sender sends M messages and finishes; it sleeps at its bell while the ring of C slots is full. The receiver sleeps at
 * its own while there is nothing; it publishes what it has consumed only if nothing more is there or LAZY slots are
 * unpublished. Whoever has done something looks at the other one's bell, after a barrier, and rings it if that one sleeps.
 * Nobody may sleep for ever: that would be an end state that is none. BATCH messages share one barrier, and
 * the sender goes on when NEED slots are free.
 *
 * One step is one access to memory. A killed process's stores still arrive; then its socket hangs up.
 */
#ifndef M
#define M 4
#endif
#ifndef C
#define C 2
#endif
#ifndef LAZY
#define LAZY 1
#endif
#ifndef BATCH
#define BATCH 1
#endif
#ifndef NEED
#define NEED 1
#endif
#define room (next + NEED - memory[CONSUMED] <= C)
#define SENT 0
#define CONSUMED 1
#define SBELL 2
#define RBELL 3
byte memory[4];              /* committed slots, published slots, the bells: 1 asleep */
bool sHint, rHint;           /* the eventfd has been rung; it stays so until somebody takes it */
bool sKilled, rKilled, sHung, rHung;
chan sStores = [3] of { byte, byte };
chan rStores = [3] of { byte, byte };

proctype Arrive(chan stores) {
    byte place, value;
endNothing:
    do
    :: atomic { stores?place, value -> memory[place] = value }
    od
}
#define barrier(stores) empty(stores)

inline ring(bell, hint, stores) {
    if
    :: memory[bell] == 1 ->
        atomic {
            barrier(stores) -> /* an exchange is a barrier itself */
            if :: memory[bell] == 1 -> memory[bell] = 0; hint = 1 :: else fi
        }
    :: memory[bell] == 0
    fi
}

proctype Sender() {
    byte next, open;
    {
        do
        :: next <= M ->          /* message M is the finish */
            do
            :: room -> break
            :: else ->
                if
                :: open > 0 ->   /* what was put before must be known before this one waits */
                    barrier(sStores); ring(RBELL, rHint, sStores); open = 0
                :: else
                fi;
                sStores!SBELL, 1;
#ifndef BUG_SENDER_SLEEPS_WITHOUT_BARRIER
                barrier(sStores);
#endif
#ifndef BUG_SENDER_DOES_NOT_LOOK_AGAIN
                if
                :: room -> sStores!SBELL, 0; break
                :: else
                fi;
#endif
                if :: sHint || rHung fi;
                sHint = 0;
                sStores!SBELL, 0;
                if :: rHung -> goto over :: else fi
            od;
            next++;
            open++;
            sStores!SENT, next;
            if
            :: open == BATCH || next > M ->
#ifndef BUG_NO_BARRIER_AFTER_SEND
                barrier(sStores);
#endif
                ring(RBELL, rHint, sStores);
                open = 0
            :: else
            fi
        :: else -> break
        od;
        rHung                    /* nothing but its bell tells the receiver of the finish */
    } unless { sKilled };
over:
    barrier(sStores);
    sHung = 1
}

inline publish() {
    rStores!CONSUMED, position;
    published = position;
#ifndef BUG_NO_BARRIER_AFTER_PUBLISHING
    barrier(rStores);
#endif
    ring(SBELL, sHint, rStores)
}

proctype Receiver() {
    byte position, published;
    bool gone;
    {
        do
        :: memory[SENT] > position ->
            position++;
            if
            :: position > M -> publish(); break
            :: else
            fi;
            if
            :: memory[SENT] > position && position - published < LAZY
            :: else ->
#ifdef BUG_PUBLISHES_ONLY_WHAT_IS_ENOUGH
                if :: position - published >= LAZY -> publish() :: else fi
#else
                publish()
#endif
            fi
        :: else ->
            gone = sHung;
            if
            :: memory[SENT] > position
            :: gone && memory[SENT] <= position -> break
            :: !gone && memory[SENT] <= position ->
                rStores!RBELL, 1;
#ifndef BUG_RECEIVER_SLEEPS_WITHOUT_BARRIER
                barrier(rStores);
#endif
                if
                :: memory[SENT] > position
                :: else ->
                    if :: rHint || sHung fi;
                    rHint = 0
                fi;
                rStores!RBELL, 0
            fi
        od;
        assert(position == memory[SENT])
    } unless { rKilled };
    barrier(rStores);
    rHung = 1
}

proctype Killer() {
    if
    :: sKilled = 1
    :: rKilled = 1
    :: skip
    fi
}

init {
    atomic { run Arrive(sStores); run Arrive(rStores); run Sender(); run Receiver(); run Killer() }
}
