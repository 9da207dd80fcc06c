#include "CIPC.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <time.h>
#include <unistd.h>

#define RESULT(call) ({ long _result = (call); _result < 0 ? -errno : _result; })

#ifndef SEM_STAT_ANY
#define SEM_STAT_ANY 20
#endif

static const short lock_types[] = {F_UNLCK, F_RDLCK, F_WRLCK};

static struct flock range_of(int32_t mode, uint64_t start, uint64_t count) {
    struct flock range;
    memset(&range, 0, sizeof range);
    range.l_type = lock_types[mode];
    range.l_whence = SEEK_SET;
    range.l_start = (off_t)start;
    range.l_len = (off_t)count;
    return range;
}

int32_t cipc_file_range_set(int32_t descriptor, int32_t mode, uint64_t start, uint64_t count, int32_t waits) {
    struct flock range = range_of(mode, start, count);
    return RESULT(fcntl(descriptor, waits ? F_OFD_SETLKW : F_OFD_SETLK, &range));
}

int32_t cipc_file_range_test(int32_t descriptor, int32_t mode, uint64_t start, uint64_t count,
                             cipc_file_range_conflict *conflict) {
    struct flock range = range_of(mode, start, count);
    if (fcntl(descriptor, F_OFD_GETLK, &range) < 0) return -errno;
    conflict->mode = range.l_type == F_UNLCK ? 0 : range.l_type == F_RDLCK ? 1 : 2;
    conflict->process = range.l_pid;
    conflict->start = (uint64_t)range.l_start;
    conflict->count = (uint64_t)range.l_len;
    return 0;
}

// semctl(2) wants its caller to declare this.
union argument {
    int value;
    struct semid_ds *status;
    unsigned short *array;
    struct seminfo *information;
};

_Static_assert(sizeof(cipc_semaphore_operation) == sizeof(struct sembuf), "the layout of struct sembuf");

const int16_t cipc_semaphore_undo = SEM_UNDO;

int32_t cipc_semaphore_get(int32_t key, int32_t count, int32_t create, int32_t exclusive, uint32_t mode) {
    int flags = (create ? IPC_CREAT : 0) | (exclusive ? IPC_EXCL : 0) | (int)(mode & 0777);
    return RESULT(semget(key, count, flags));
}

int32_t cipc_semaphore_operate(int32_t set, const cipc_semaphore_operation *operations, size_t count,
                               int64_t nanoseconds) {
    if (count > 500) return -E2BIG;
    struct sembuf given[500];
    for (size_t i = 0; i < count; i++) {
        given[i] = (struct sembuf){operations[i].number, operations[i].change, operations[i].flags};
        if (nanoseconds == 0) given[i].sem_flg |= IPC_NOWAIT;
    }
    struct timespec limit = {nanoseconds / 1000000000, nanoseconds % 1000000000};
    return RESULT(semtimedop(set, given, count, nanoseconds > 0 ? &limit : NULL));
}

static void convert(int32_t set, const struct semid_ds *from, cipc_semaphore_status *to) {
    to->key = from->sem_perm.__key;
    to->set = set;
    to->owner = from->sem_perm.uid;
    to->mode = from->sem_perm.mode & 0777;
    to->count = from->sem_nsems;
    to->last_operation = from->sem_otime;
    to->last_change = from->sem_ctime;
}

int32_t cipc_semaphore_stat(int32_t set, cipc_semaphore_status *status) {
    struct semid_ds found;
    if (semctl(set, 0, IPC_STAT, (union argument){.status = &found}) < 0) return -errno;
    convert(set, &found, status);
    return 0;
}

int32_t cipc_semaphore_stat_index(int32_t index, cipc_semaphore_status *status) {
    struct semid_ds found;
    int set = semctl(index, 0, SEM_STAT_ANY, (union argument){.status = &found});
    if (set < 0) return -errno;
    convert(set, &found, status);
    return set;
}

int32_t cipc_semaphore_highest_index(void) {
    struct seminfo found;
    return RESULT(semctl(0, 0, SEM_INFO, (union argument){.information = &found}));
}

int32_t cipc_semaphore_read(int32_t set, int32_t number, int32_t what) {
    static const int commands[] = {GETVAL, GETPID, GETNCNT, GETZCNT};
    return RESULT(semctl(set, number, commands[what]));
}

int32_t cipc_semaphore_write(int32_t set, int32_t number, int32_t value) {
    return RESULT(semctl(set, number, SETVAL, (union argument){.value = value}));
}

int32_t cipc_semaphore_read_all(int32_t set, uint16_t *values) {
    return RESULT(semctl(set, 0, GETALL, (union argument){.array = values}));
}

int32_t cipc_semaphore_remove(int32_t set) { return RESULT(semctl(set, 0, IPC_RMID)); }

size_t cipc_mutex_size(void) { return sizeof(pthread_mutex_t); }

int32_t cipc_mutex_make(void *mutex) {
    pthread_mutexattr_t attributes;
    int result = pthread_mutexattr_init(&attributes);
    if (result != 0) return -result;
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    // So that unlocking by a thread that does not hold it is an error and not undefined.
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    result = pthread_mutex_init(mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return -result;
}

// Not pthread_mutex_trylock(3) for a try: on a mutex that is not recoverable, glibc 2.36 leaves it locked. A limit that
// has passed tries once, too.
int32_t cipc_mutex_lock(void *mutex, uint64_t limit) {
    if (limit == UINT64_MAX) return -pthread_mutex_lock(mutex);
    struct timespec until = {(time_t)(limit / 1000000000), (long)(limit % 1000000000)};
    return -pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &until);
}

int32_t cipc_mutex_unlock(void *mutex) { return -pthread_mutex_unlock(mutex); }

int32_t cipc_mutex_consistent(void *mutex) { return -pthread_mutex_consistent(mutex); }

int32_t cipc_mutex_destroy(void *mutex) { return -pthread_mutex_destroy(mutex); }
