// Threads of this library, futex waits inside one process, and what a thread knows of itself.
#ifndef CIPC_THREAD_H
#define CIPC_THREAD_H

#include "cipc_types.h"

/// Starts a detached thread that runs `body(context)`. `name` has at most 15 bytes.
int32_t cipc_thread_start(const char *_Nonnull name, void (*_Nonnull body)(void *_Nonnull), void *_Nonnull context);

/// Blocks SIGPIPE on this thread, which makes writes to pipes cheaper. Threads that this one starts inherit that.
void cipc_thread_block_sigpipe(void);
/// Unblocks it again, without what is pending on this thread; unless it was blocked before.
void cipc_thread_unblock_sigpipe(void);

/// The worker of the executor whose thread this is, or null.
extern __thread void *_Nullable cipc_thread_worker;
static inline void *_Nullable cipc_thread_worker_get(void) { return cipc_thread_worker; }
static inline void cipc_thread_worker_set(void *_Nullable worker) { cipc_thread_worker = worker; }

/// FUTEX_WAIT_PRIVATE: sleeps while `*word == expected`, at most `nanoseconds` (negative: without limit).
int32_t cipc_futex_wait(const uint32_t *_Nonnull word, uint32_t expected, int64_t nanoseconds);
/// FUTEX_WAKE_PRIVATE.
int32_t cipc_futex_wake(const uint32_t *_Nonnull word, int32_t count);

/// sched_yield(2).
void cipc_yield(void);

/// The processors that this thread may run on.
int32_t cipc_usable_processors(void);
int32_t cipc_process_id(void);
int32_t cipc_thread_id(void);
uint32_t cipc_effective_user(void);
uint32_t cipc_effective_group(void);

/// A number that no other living thread of this process has: where its thread-local memory lies. No call.
static inline uintptr_t cipc_thread_mark(void) {
#if defined(__x86_64__)
    uintptr_t mark;
    __asm__("mov %%fs:0, %0" : "=r"(mark));
    return mark;
#else
    return (uintptr_t)__builtin_thread_pointer();
#endif
}

/// The number of the task that runs on this thread; 0 outside of tasks. No other task of the process has or had it.
uint64_t cipc_task_number(void);

#endif
