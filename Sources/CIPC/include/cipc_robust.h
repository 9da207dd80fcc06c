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
/// A number of this process that no ancestor by fork has; 0 without memory.
uint64_t cipc_process_number(void);

/// membarrier(2) MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED.
int32_t cipc_barrier_register(void);
/// membarrier(2) MEMBARRIER_CMD_GLOBAL: every processor passes through the kernel. Takes 10 to 100 ms.
int32_t cipc_barrier_all(void);

/// A new open file of what `descriptor` stands for, through /proc, for reading and writing. The child of a fork closes
/// it at once: it would keep a lock of this open file alive. Close it with cipc_close_guarded.
int32_t cipc_reopen_guarded(int32_t descriptor);
void cipc_close_guarded(int32_t descriptor);
/// fcntl(2) F_OFD_SETLK, exclusive, on `count` bytes from `start` on; -EAGAIN while another open file has it.
int32_t cipc_range_lock(int32_t descriptor, uint64_t start, uint64_t count);
/// fcntl(2) F_OFD_SETLK with F_UNLCK.
int32_t cipc_range_unlock(int32_t descriptor, uint64_t start, uint64_t count);
/// Unlocks one byte and closes, if `descriptor` is one of cipc_reopen_guarded; nothing otherwise.
void cipc_release_guarded(int32_t descriptor, uint64_t byte);

#endif
