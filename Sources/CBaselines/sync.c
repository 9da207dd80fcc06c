/// `mutex/…`, `condition/handover`, `semaphore/…`, `rwlock/read`: objects of libc that processes share, and a futex.
#include "cbase_sync.h"
#include "cbase_process.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { most_words = 64, clock_interval = 64 };

struct shared {
    _Alignas(64) pthread_mutex_t robust;
    _Alignas(64) pthread_mutex_t plain;
    pthread_cond_t changed;
    int turn;
    int is_over;
    _Alignas(64) sem_t there;
    _Alignas(64) sem_t back;
    _Alignas(64) pthread_rwlock_t readers;
    _Alignas(64) _Atomic uint32_t futex;
    _Alignas(64) uint64_t word[most_words];
    _Alignas(64) _Atomic uint32_t is_ready;
    _Atomic uint32_t peers_done;
};

static void prepare(struct shared *shared)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&shared->plain, &attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&shared->robust, &attributes);
    pthread_condattr_t condition;
    pthread_condattr_init(&condition);
    pthread_condattr_setpshared(&condition, PTHREAD_PROCESS_SHARED);
    pthread_cond_init(&shared->changed, &condition);
    pthread_rwlockattr_t readers;
    pthread_rwlockattr_init(&readers);
    pthread_rwlockattr_setpshared(&readers, PTHREAD_PROCESS_SHARED);
    pthread_rwlock_init(&shared->readers, &readers);
    sem_init(&shared->there, 1, 0);
    sem_init(&shared->back, 1, 0);
    atomic_store(&shared->is_ready, 1);
}

static struct shared *open_shared(const char *name, _Bool makes, cbase_report *report)
{
    const uint64_t end = cbase_now() + 5000000000u;
    int file;
    while ((file = shm_open(name, O_RDWR | O_CLOEXEC | (makes ? O_CREAT : 0), 0600)) < 0 && cbase_now() < end)
        sched_yield();
    if (file < 0 || ftruncate(file, sizeof(struct shared)) < 0) {
        cbase_report_fail(report, "shared memory", errno);
        return NULL;
    }
    struct shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file, 0);
    close(file);
    if (shared == MAP_FAILED) {
        cbase_report_fail(report, "shared memory", errno);
        return NULL;
    }
    if (makes)
        prepare(shared);
    while (!atomic_load(&shared->is_ready))
        sched_yield();
    return shared;
}

int cbase_sync_lock(const char *name, _Bool makes, _Bool is_shared, cbase_plan plan, cbase_report *report)
{
    struct shared *shared = open_shared(name, makes, report);
    const size_t words = plan.bytes / 8;
    if (!shared || words > most_words)
        return cbase_report_fail(report, "the words of the value", EINVAL);
    uint64_t turns = 0;
    report->started_ns = cbase_now();
    const uint64_t end = report->started_ns + plan.duration_ns;
    do {
        pthread_mutex_lock(&shared->robust);
        for (size_t i = 0; i < words; i++)
            shared->word[i]++;
        pthread_mutex_unlock(&shared->robust);
        turns++;
    } while (turns % clock_interval != 0 || cbase_now() < end);
    report->ended_ns = cbase_now();
    if (!makes) {
        report->measured = turns;
        atomic_store(&shared->peers_done, 1);
        return 0;
    }
    while (is_shared && !atomic_load(&shared->peers_done))
        sched_yield();
    report->measured = shared->word[0];
    return !is_shared && report->measured != turns ? cbase_report_fail(report, "turns that were lost", EBADMSG) : 0;
}

static inline void futex_lock(_Atomic uint32_t *word)
{
    uint32_t seen = 0;
    if (atomic_compare_exchange_strong_explicit(word, &seen, 1, memory_order_acquire, memory_order_relaxed))
        return;
    while (atomic_exchange_explicit(word, 2, memory_order_acquire) != 0)
        syscall(SYS_futex, word, FUTEX_WAIT, 2, NULL, NULL, 0);
}

static inline void futex_unlock(_Atomic uint32_t *word)
{
    if (atomic_exchange_explicit(word, 0, memory_order_release) == 2)
        syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

int cbase_sync_lock_futex(const char *name, cbase_plan plan, cbase_report *report)
{
    struct shared *shared = open_shared(name, 1, report);
    if (!shared)
        return -1;
    uint64_t turns = 0;
    report->started_ns = cbase_now();
    const uint64_t end = report->started_ns + plan.duration_ns;
    do {
        futex_lock(&shared->futex);
        shared->word[0]++;
        futex_unlock(&shared->futex);
        turns++;
    } while (turns % clock_interval != 0 || cbase_now() < end);
    report->ended_ns = cbase_now();
    report->measured = shared->word[0];
    return report->measured != turns ? cbase_report_fail(report, "turns that were lost", EBADMSG) : 0;
}

int cbase_sync_semaphore(const char *name, cbase_plan plan, cbase_report *report)
{
    struct shared *shared = open_shared(name, 1, report);
    if (!shared)
        return -1;
    sem_post(&shared->there);
    report->started_ns = cbase_now();
    const uint64_t end = report->started_ns + plan.duration_ns;
    do {
        sem_wait(&shared->there);
        sem_post(&shared->there);
        report->measured++;
    } while (report->measured % clock_interval != 0 || cbase_now() < end);
    report->ended_ns = cbase_now();
    int permits = 0;
    sem_getvalue(&shared->there, &permits);
    return permits != 1 ? cbase_report_fail(report, "permits that were lost", EBADMSG) : 0;
}

int cbase_sync_semaphore_turns(const char *name, _Bool makes, cbase_plan plan, cbase_report *report)
{
    struct shared *shared = open_shared(name, makes, report);
    if (!shared)
        return -1;
    report->started_ns = cbase_now();
    const uint64_t end = report->started_ns + plan.duration_ns;
    for (_Bool is_over = 0; !is_over;) {
        if (makes) {
            is_over = cbase_now() >= end;
            if (is_over)
                shared->is_over = 1;
            sem_post(&shared->there);
            if (!is_over)
                sem_wait(&shared->back);
        } else {
            sem_wait(&shared->there);
            is_over = shared->is_over;
            if (!is_over)
                sem_post(&shared->back);
        }
        if (!is_over)
            report->measured++;
    }
    report->ended_ns = cbase_now();
    return 0;
}

int cbase_sync_read_lock(const char *name, cbase_plan plan, cbase_report *report)
{
    struct shared *shared = open_shared(name, 1, report);
    if (!shared)
        return -1;
    shared->word[0] = 1;
    uint64_t sum = 0;
    report->started_ns = cbase_now();
    const uint64_t end = report->started_ns + plan.duration_ns;
    do {
        pthread_rwlock_rdlock(&shared->readers);
        sum += shared->word[0];
        pthread_rwlock_unlock(&shared->readers);
        report->measured++;
    } while (report->measured % clock_interval != 0 || cbase_now() < end);
    report->ended_ns = cbase_now();
    return sum != report->measured ? cbase_report_fail(report, "reads that were lost", EBADMSG) : 0;
}

int cbase_sync_handover(const char *name, _Bool makes, cbase_plan plan, cbase_report *report)
{
    struct shared *shared = open_shared(name, makes, report);
    if (!shared)
        return -1;
    const int mine = makes ? 0 : 1;
    report->started_ns = cbase_now();
    const uint64_t end = report->started_ns + plan.duration_ns;
    pthread_mutex_lock(&shared->plain);
    for (;;) {
        while (shared->turn != mine && !shared->is_over)
            pthread_cond_wait(&shared->changed, &shared->plain);
        if (makes && cbase_now() >= end)
            shared->is_over = 1;
        if (!shared->is_over) {
            shared->turn = 1 - mine;
            report->measured++;
        }
        pthread_cond_signal(&shared->changed);
        if (shared->is_over)
            break;
    }
    pthread_mutex_unlock(&shared->plain);
    report->ended_ns = cbase_now();
    return 0;
}
