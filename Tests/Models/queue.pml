/* shared queue: the state of a record is the truth, lists are a cache that whoever takes over makes anew; commit, lease,
   acknowledgement, waiters that are counted under the lock; a crash before every step. Process 0 sends S messages, 1 and 2
   lease and acknowledge. R records. */
#ifndef R
#define R 1
#endif
#ifndef S
#define S 2
#endif
#ifndef MAXC
#define MAXC 2
#endif
#define FREE 0
#define FILLING 1
#define READY 2
#define LEASED 3
byte state[R], own[R], msg[R], del[R]; bool inl[R], fre[R] = 1;
byte begun[S], got[S]; bool committed[S], done;
byte mown, deaths, seen, ncrash; bool tokdead[3], ann[3], crash[3];
byte rseq, rcount, sseq, scount; bool asleep[3];
#define MDEAD (mown!=0 && tokdead[mown-1])
inline lock(){ atomic{ (mown==0 || MDEAD) -> dd=(mown!=0); mown=_pid+1 } }
inline unlock(){ mown=0 }
inline wakeall(){ d_step{ asleep[0]=0; asleep[1]=0; asleep[2]=0 } }
inline wakeReceiver(){ atomic{ if :: asleep[1]->asleep[1]=0 :: asleep[2]->asleep[2]=0 :: else fi } }
/* the death count is read first, then the owners are looked at */
inline enter(){ lock(); x=deaths;
  if :: dd || seen!=x ->
     i=0; do :: i<R ->
#ifdef BUG_UNFINISHED_IS_READY
       if :: state[i]==FILLING && tokdead[own[i]] -> state[i]=READY
#else
       if :: state[i]==FILLING && tokdead[own[i]] -> state[i]=FREE
#endif
#ifndef BUG_NO_LEASE_BACK
          :: state[i]==LEASED && tokdead[own[i]] -> state[i]=READY
#endif
          :: else fi; i++ :: else -> break od;
#ifndef BUG_NO_REBUILD
     i=0; do :: i<R -> inl[i]=(state[i]==READY); fre[i]=(state[i]==FREE); i++ :: else -> break od;
#endif
     i=0; seen=x;
     if :: rcount>0 -> rseq++; rcount=0; w=2 :: else fi;
     if :: scount>0 -> sseq++; scount=0; w=2 :: else fi
  :: else fi; dd=0 }
inline leave(){ unlock(); if :: w==2 -> wakeall() :: w==1 && _pid==0 -> wakeReceiver() :: w==1 && _pid!=0 -> asleep[0]=0 :: else fi; w=0 }
inline sleep(seq,count){ q=seq;
#ifndef BUG_UNCOUNTED
  count++;
#endif
  leave();
#ifdef BUG_NO_DEATHS
  atomic{ if :: seq==q -> asleep[_pid]=1 :: else fi; x=0; q=0 }
#else
  atomic{ if :: seq==q && deaths==x -> asleep[_pid]=1 :: else fi; x=0; q=0 }
#endif
  }
#define PICK(ok) i=0; do :: i<R && !(ok) -> i++ :: else -> break od
active proctype P(){ byte x,q,w,i,m; bool dd;
 { do :: m<S ->
   enter(); PICK(fre[i]);
   if :: i<R ->
      fre[i]=0; own[i]=0; msg[i]=m; del[i]=0; state[i]=FILLING;
      leave();
      /* filled without the lock */
      enter(); PICK(state[i]==FILLING && own[i]==0);
      assert(i<R);
      d_step{ state[i]=READY; committed[m]=1 };
      inl[i]=1;
      if :: rcount>0 -> rseq++; rcount--; w=1 :: else fi;
      leave(); i=0; x=0; m++
   :: else -> i=0; sleep(sseq,scount); !asleep[0]
   fi
  :: else -> break od; done=1
 } unless { atomic{ crash[_pid] -> asleep[_pid]=0 }; tokdead[_pid]=1 } }
active [2] proctype C(){ byte x,q,w,i; bool dd;
 { do :: enter(); PICK(inl[i]);
   if :: i<R ->
      own[i]=_pid;
      d_step{ state[i]=LEASED; del[i]++; begun[msg[i]]++; assert(del[i]==begun[msg[i]] && committed[msg[i]]) };
      inl[i]=0; leave(); i=0; x=0;
      /* the body runs */
      enter(); PICK(state[i]==LEASED && own[i]==_pid);
      assert(i<R);
      d_step{ state[i]=FREE; got[msg[i]]++ };
      fre[i]=1;
      if :: scount>0 -> sseq++; scount--; w=1 :: else fi;
      leave(); i=0; x=0
   :: else -> i=0; sleep(rseq,rcount);
endc: !asleep[_pid]
   fi od
 } unless { atomic{ crash[_pid] -> asleep[_pid]=0 }; tokdead[_pid]=1 } }
active proctype K(){ byte k;
endk: do :: atomic{ if :: tokdead[0]&&!ann[0]->k=0 :: tokdead[1]&&!ann[1]->k=1 :: tokdead[2]&&!ann[2]->k=2 fi };
   deaths++; wakeall(); ann[k]=1; k=0 od }
active proctype X(){
 do :: atomic{ ncrash<MAXC && !crash[0] -> crash[0]=1; ncrash++ } :: atomic{ ncrash<MAXC && !crash[1] -> crash[1]=1; ncrash++ }
    :: atomic{ ncrash<MAXC && !crash[2] -> crash[2]=1; ncrash++ } :: break od }
/* When nothing moves any more: while a consumer lives, no committed message is anywhere but received, and a living producer
   has sent all of its messages. */
active proctype E(){ byte j;
 timeout ->
 if :: !tokdead[1] || !tokdead[2] ->
    assert(tokdead[0] || done);
    do :: j<S -> assert(!committed[j] || got[j]==1); j++ :: else -> break od
 :: else fi }
