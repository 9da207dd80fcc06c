// Ending a system call that blocks a thread, from another thread, without a moment in which that could be missed.
#ifndef CIPC_INTERRUPT_H
#define CIPC_INTERRUPT_H

#include "cipc_types.h"

/// Makes `signal` the one that ends calls, if nobody uses it (its disposition is the default). EBUSY otherwise.
int32_t cipc_interrupt_take_signal(int32_t signal);
/// Whether the disposition of `signal` still is what `cipc_interrupt_take_signal` made it.
int32_t cipc_interrupt_has_signal(int32_t signal);
/// Lets `signal` through to the calling thread, from then on.
int32_t cipc_interrupt_admit(int32_t signal);

/// The word of the calling thread that says that its next or current call is to end: 0 or 1. Valid while the thread lives.
uint32_t *_Nonnull cipc_interrupt_word(void);
/// Sets the word back to 0.
void cipc_interrupt_rearm(uint32_t *_Nonnull word);
/// The calling thread, for `cipc_interrupt_thread`. pthread_self(3).
uintptr_t cipc_interrupt_own_thread(void);
/// Ends the call of the thread whose word that is, if it is in one, else its next one. `thread` is what
/// `cipc_interrupt_own_thread` said on it. pthread_kill(3).
int32_t cipc_interrupt_thread(uintptr_t thread, uint32_t *_Nonnull word, int32_t signal);

/// A timer that ends the calling thread's call at `instant` (CLOCK_MONOTONIC nanoseconds). timer_create(2).
int32_t cipc_interrupt_timer_start(int32_t signal, uint64_t instant, int32_t *_Nonnull timer);
/// timer_delete(2). A signal that is on its way ends the thread's next call, which is made again then.
int32_t cipc_interrupt_timer_stop(int32_t timer);

/// A system call that ends with -EINTR when the calling thread's word is 1 or becomes 1, unless it has done what it does:
/// then it ends as ever. Nothing is done and lost.
long cipc_interruptible_call(long number, long a, long b, long c, long d, long e);

#endif
