/* A barrier of N parties and R rounds, each party a process that may be killed before every step. The lock is taken over
 * from the dead; the state is one word (round, broken); arrivals are a flag for each party and each half of the rounds. Who
 * waits sleeps on the state and the death count. A deadlock is a hang. What must hold: nobody passes a round before all
 * have arrived in it, and with nobody killed no round is broken.
 *
 * Mutations that are found: BUG_NO_DEATHS (sleeps do not see deaths), BUG_LATE_DEATHS (the death count of the sleep is read
 * after the look for the dead). To be tried with more time: BUG_STATE_FIRST (the next round's arrivals are cleared after it
 * has begun), BUG_NO_LOOK (who wakes from a death does not look who died). */
#ifndef N
#define N 3
#endif
#ifndef R
#define R 2
#endif
#ifndef MAXC
#define MAXC 1
#endif
#define ME (_pid - 1)
byte lock;
byte round; bool broken;
bool member[N]; bool arrived0[N], arrived1[N];
byte deaths; bool dead[N], told[N], crash[N], asleep[N], lsleep[N];
byte came[R];          /* for the proof: how many have ever arrived in a round */
bool anyCrash;

#define OWNERDEAD (lock != 0 && dead[lock-1])
#if N == 3
#define HASDEAD ((member[0]&&dead[0]) || (member[1]&&dead[1]) || (member[2]&&dead[2]))
#define SUM(a) (a[0]+a[1]+a[2])
#define CLEAR(a) a[0]=false; a[1]=false; a[2]=false
#define WAKE asleep[0]=false; asleep[1]=false; asleep[2]=false
#define WAKEALL WAKE; lsleep[0]=false; lsleep[1]=false; lsleep[2]=false
#define WAKEONE if :: lsleep[0] -> lsleep[0]=false :: lsleep[1] -> lsleep[1]=false :: lsleep[2] -> lsleep[2]=false :: else fi
#define FORGET if :: dead[0] -> member[0]=false :: else fi; if :: dead[1] -> member[1]=false :: else fi; if :: dead[2] -> member[2]=false :: else fi
#else
#define HASDEAD ((member[0]&&dead[0]) || (member[1]&&dead[1]))
#define SUM(a) (a[0]+a[1])
#define CLEAR(a) a[0]=false; a[1]=false
#define WAKE asleep[0]=false; asleep[1]=false
#define WAKEALL WAKE; lsleep[0]=false; lsleep[1]=false
#define WAKEONE if :: lsleep[0] -> lsleep[0]=false :: lsleep[1] -> lsleep[1]=false :: else fi
#define FORGET if :: dead[0] -> member[0]=false :: else fi; if :: dead[1] -> member[1]=false :: else fi
#endif
#ifdef BUG_NO_DEATHS
#define SAME(d) true
#else
#define SAME(d) (deaths == d)
#endif

inline take() {
    do
    :: d = deaths;
       if
       :: atomic { (lock == 0 || OWNERDEAD) -> lock = ME + 1 }; break
       :: else -> seen = lock;
          atomic { if :: lock == seen && seen != 0 && deaths == d -> lsleep[ME] = true :: else fi };
          !lsleep[ME]
       fi
    od
}
inline release() { lock = 0; d_step { WAKEONE } }
inline look() { if :: HASDEAD -> broken = true; d_step { FORGET }; d_step { WAKE } :: else fi }

proctype Party() {
    byte d, seen, mine, r, before, now;
    {
        do
        :: r < R ->
           before = deaths;
           take(); look();
           if
           :: broken -> release(); break
           :: else -> skip
           fi;
           mine = round;
           atomic { if :: mine % 2 == 0 -> arrived0[ME] = true :: else -> arrived1[ME] = true fi; came[mine]++ };
           if
           :: (mine % 2 == 0 && SUM(arrived0) == N) ->
#ifdef BUG_STATE_FIRST
              round = mine + 1; d_step { CLEAR(arrived1) };
#else
              d_step { CLEAR(arrived1) }; round = mine + 1;
#endif
              d_step { WAKE }
           :: (mine % 2 == 1 && SUM(arrived1) == N) ->
              d_step { CLEAR(arrived0) }; round = mine + 1; d_step { WAKE }
           :: else -> skip
           fi;
           release();
           do
           ::
#ifdef BUG_LATE_DEATHS
              before = deaths;
#endif
              if
              :: round != mine -> break
              :: round == mine && broken -> break
              :: else ->
                 atomic { if :: round == mine && !broken && SAME(before) -> asleep[ME] = true :: else fi };
                 !asleep[ME];
#ifndef BUG_NO_LOOK
                 if :: deaths != before -> now = deaths; take(); look(); before = now; release() :: else fi
#endif
              fi
           od;
           if
           :: round != mine -> assert(came[mine] == N)
           :: else -> assert(anyCrash); break
           fi;
           r++
        :: else -> break
        od;
        /* Leaves. */
        member[ME] = false
    } unless { atomic { crash[ME] -> asleep[ME] = false; lsleep[ME] = false; dead[ME] = true } }
}
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
    :: count < MAXC -> atomic { anyCrash = true; if :: !crash[0] -> crash[0] = true :: !crash[1] -> crash[1] = true
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
        do :: i < N -> member[i] = true; run Party(); i++ :: else -> break od;
        run K(); run Killer()
    }
}
