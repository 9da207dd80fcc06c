// What lets a process leave word of its death in shared memory: the kernel's robust list of one thread, futex words that
// processes share, the barrier between a dead process and whoever takes over, and memory that a fork does not inherit.
#ifndef CIPC_ROBUST_H
#define CIPC_ROBUST_H

#include "cipc_types.h"

/// Bytes between the private node of a token and the token itself, the same for every region of a thread, because the
/// kernel takes one number for the whole list.
#define CIPC_ROBUST_DISTANCE 65536

/// What stands in the private memory below a token, one cache line for each slot: the entry of the robust list, and the
/// owner word of this process, which is 0 in the child of a fork, whose list is empty.
typedef struct cipc_robust_node {
    struct cipc_robust_node *_Nullable next;
    uint64_t owner_word;
    uint64_t unused[6];
} cipc_robust_node;

/// Makes the calling thread a keeper: blocks every signal on it and gives it an empty list. set_robust_list(2).
int32_t cipc_keeper_begin(void);
/// Tells the kernel that `token` is being changed: it looks at it when the thread dies, whether it is in the list or not.
void cipc_keeper_begin_change(void *_Nonnull token);
/// The change is done.
void cipc_keeper_end_change(void);
/// Points the node of `token` at the first one of the list.
void cipc_keeper_prepare_link(void *_Nonnull token);
/// Makes the node of `token` the first of the list.
void cipc_keeper_link(void *_Nonnull token);
/// Takes the node of `token` out of the list.
void cipc_keeper_unlink(void *_Nonnull token);

/// madvise(2) MADV_WIPEONFORK: the child of a fork finds zeros there.
int32_t cipc_advise_wipe_on_fork(void *_Nonnull address, size_t count);
/// Two words that are zero in the child of a fork: what this process calls itself, and a lock. Null without memory.
uint64_t *_Nullable cipc_identity_words(void);

/// membarrier(2) MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED.
int32_t cipc_barrier_register(void);
/// membarrier(2) MEMBARRIER_CMD_GLOBAL: every processor passes through the kernel. Takes 10 to 100 ms.
int32_t cipc_barrier_all(void);

/// One word to sleep on. The same layout as struct futex_waitv.
typedef struct cipc_futex_entry {
    uint64_t expected;
    uint64_t address;
    uint32_t flags;
    uint32_t reserved;
} cipc_futex_entry;

/// The flags of a word that processes share, and of one that only this process knows.
#define CIPC_FUTEX_SHARED 2
#define CIPC_FUTEX_PRIVATE 130
/// The most words that one call takes.
#define CIPC_FUTEX_LIMIT 128

/// futex_waitv(2): sleeps while every word has its value, until `limit` (CLOCK_MONOTONIC nanoseconds, UINT64_MAX: none).
/// -EAGAIN when a word differs, -ETIMEDOUT, -EINTR.
int32_t cipc_futex_wait_any(const cipc_futex_entry *_Nonnull entries, uint32_t count, uint64_t limit);
/// futex(2) FUTEX_WAIT on `entries[primary]` alone, for at most 15 ms: where futex_waitv(2) is refused.
int32_t cipc_futex_wait_slice(const cipc_futex_entry *_Nonnull entries, uint32_t count, uint32_t primary,
                              uint64_t limit);
/// futex(2) FUTEX_WAKE without the private flag: wakes up to `count` threads of any process.
int32_t cipc_futex_wake_shared(const void *_Nonnull word, int32_t count);

/// A new open file of what `descriptor` stands for, through /proc, for reading and writing. The child of a fork closes
/// it at once: it would keep a lock of this open file alive. Close it with cipc_close_guarded.
int32_t cipc_reopen_guarded(int32_t descriptor);
void cipc_close_guarded(int32_t descriptor);
/// fcntl(2) F_OFD_SETLK, exclusive, on `count` bytes from `start` on; -EAGAIN while another open file has it.
int32_t cipc_range_lock(int32_t descriptor, uint64_t start, uint64_t count);
/// fcntl(2) F_OFD_SETLK with F_UNLCK.
int32_t cipc_range_unlock(int32_t descriptor, uint64_t start, uint64_t count);

#endif
