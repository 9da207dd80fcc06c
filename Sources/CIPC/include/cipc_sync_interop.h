// Locks and semaphores that other programs use too: ranges of files, System V semaphores, robust pthread mutexes.
#ifndef CIPC_SYNC_INTEROP_H
#define CIPC_SYNC_INTEROP_H

#include "cipc_types.h"

/// fcntl(2) F_OFD_SETLK, or F_OFD_SETLKW if `waits`, of `count` bytes from `start` on; 0 bytes: to the end of the file,
/// wherever that will be. `mode` 0: unlock, 1: shared, 2: exclusive.
int32_t cipc_file_range_set(int32_t descriptor, int32_t mode, uint64_t start, uint64_t count, int32_t waits);
/// fcntl(2) F_OFD_GETLK: what stands in the way of a lock of this mode.
typedef struct cipc_file_range_conflict {
    /// 0: nothing, 1: a shared lock, 2: an exclusive one.
    int32_t mode;
    /// -1 for an open-file-description lock, which belongs to no process.
    int32_t process;
    uint64_t start;
    uint64_t count;
} cipc_file_range_conflict;
int32_t cipc_file_range_test(int32_t descriptor, int32_t mode, uint64_t start, uint64_t count,
                             cipc_file_range_conflict *_Nonnull conflict);

/// An operation of semop(2). The layout of struct sembuf.
typedef struct cipc_semaphore_operation {
    uint16_t number;
    int16_t change;
    int16_t flags;
} cipc_semaphore_operation;

extern const int16_t cipc_semaphore_undo;

typedef struct cipc_semaphore_status {
    int32_t key;
    int32_t set;
    uint32_t owner;
    uint32_t mode;
    uint64_t count;
    int64_t last_operation;
    int64_t last_change;
} cipc_semaphore_status;

/// semget(2).
int32_t cipc_semaphore_get(int32_t key, int32_t count, int32_t create, int32_t exclusive, uint32_t mode);
/// semtimedop(2). `nanoseconds` < 0: without limit; 0: does not wait (IPC_NOWAIT).
int32_t cipc_semaphore_operate(int32_t set, const cipc_semaphore_operation *_Nonnull operations, size_t count,
                               int64_t nanoseconds);
/// semctl(2) IPC_STAT.
int32_t cipc_semaphore_stat(int32_t set, cipc_semaphore_status *_Nonnull status);
/// semctl(2) SEM_STAT_ANY of the table's entry `index`; the result is the set's number.
int32_t cipc_semaphore_stat_index(int32_t index, cipc_semaphore_status *_Nonnull status);
/// semctl(2) SEM_INFO: the highest index in use.
int32_t cipc_semaphore_highest_index(void);
/// semctl(2) GETVAL, GETPID, GETNCNT, GETZCNT: `what` is 0 to 3.
int32_t cipc_semaphore_read(int32_t set, int32_t number, int32_t what);
/// semctl(2) SETVAL.
int32_t cipc_semaphore_write(int32_t set, int32_t number, int32_t value);
/// semctl(2) GETALL into an array with room for all of them.
int32_t cipc_semaphore_read_all(int32_t set, uint16_t *_Nonnull values);
/// semctl(2) IPC_RMID.
int32_t cipc_semaphore_remove(int32_t set);

/// The size of a pthread_mutex_t.
size_t cipc_mutex_size(void);
/// pthread_mutex_init(3): robust, shared between processes, error-checking.
int32_t cipc_mutex_make(void *_Nonnull mutex);
/// pthread_mutex_clocklock(3) until `limit` (CLOCK_MONOTONIC nanoseconds; UINT64_MAX: without limit; 0: does not wait).
int32_t cipc_mutex_lock(void *_Nonnull mutex, uint64_t limit);
/// pthread_mutex_unlock(3).
int32_t cipc_mutex_unlock(void *_Nonnull mutex);
/// pthread_mutex_consistent(3).
int32_t cipc_mutex_consistent(void *_Nonnull mutex);
/// pthread_mutex_destroy(3).
int32_t cipc_mutex_destroy(void *_Nonnull mutex);

#endif
