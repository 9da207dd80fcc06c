// What the thread sanitizer must be told: Synchronization.Mutex takes its lock inside the standard library, where the
// sanitizer does not look.
#ifndef CIPC_SANITIZER_H
#define CIPC_SANITIZER_H

#include "cipc_types.h"

extern void __tsan_acquire(void *_Nonnull address) __attribute__((weak));
extern void __tsan_release(void *_Nonnull address) __attribute__((weak));

/// Whether this is a program with the thread sanitizer in it.
static inline int32_t cipc_is_thread_sanitized(void) { return __tsan_acquire != 0; }

/// What happened before the last `cipc_sanitizer_release` of this address is seen from here on.
static inline void cipc_sanitizer_acquire(const void *_Nonnull address) {
    if (__tsan_acquire) __tsan_acquire((void *)address);
}

/// Passes on what happened on this thread.
static inline void cipc_sanitizer_release(const void *_Nonnull address) {
    if (__tsan_release) __tsan_release((void *)address);
}

#endif
