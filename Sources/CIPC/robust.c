#include "CIPC.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define RESULT(call) ({ long _result = (call); _result < 0 ? -errno : _result; })

_Static_assert(sizeof(cipc_robust_node) == 64, "a node is one cache line");
_Static_assert(offsetof(cipc_robust_node, next) == offsetof(struct robust_list, next), "the kernel's entry comes first");

// The kernel reads the list when the thread is dead, so only what the compiler may reorder matters: each step is in
// memory before the next one.
#define STEP() atomic_signal_fence(memory_order_seq_cst)

static __thread struct robust_list_head keeper_head;

static struct robust_list *node_of(void *token) {
    return (struct robust_list *)((char *)token - CIPC_ROBUST_DISTANCE);
}

int32_t cipc_keeper_begin(void) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    keeper_head.list.next = &keeper_head.list;
    keeper_head.futex_offset = CIPC_ROBUST_DISTANCE;
    keeper_head.list_op_pending = NULL;
    STEP();
    return RESULT(syscall(SYS_set_robust_list, &keeper_head, sizeof keeper_head));
}

void cipc_keeper_begin_change(void *token) {
    STEP();
    *(struct robust_list *volatile *)&keeper_head.list_op_pending = node_of(token);
    STEP();
}

void cipc_keeper_end_change(void) {
    STEP();
    *(struct robust_list *volatile *)&keeper_head.list_op_pending = NULL;
    STEP();
}

void cipc_keeper_prepare_link(void *token) {
    STEP();
    *(struct robust_list *volatile *)&node_of(token)->next = keeper_head.list.next;
    STEP();
}

void cipc_keeper_link(void *token) {
    STEP();
    *(struct robust_list *volatile *)&keeper_head.list.next = node_of(token);
    STEP();
}

void cipc_keeper_unlink(void *token) {
    struct robust_list *node = node_of(token);
    for (struct robust_list *before = &keeper_head.list; before->next != &keeper_head.list; before = before->next) {
        if (before->next != node) continue;
        STEP();
        *(struct robust_list *volatile *)&before->next = node->next;
        STEP();
        return;
    }
}

int32_t cipc_advise_wipe_on_fork(void *address, size_t count) {
    return RESULT(madvise(address, count, MADV_WIPEONFORK));
}

uint64_t *cipc_identity_words(void) {
    static _Atomic(uint64_t *) words;
    uint64_t *known = atomic_load_explicit(&words, memory_order_acquire);
    if (known) return known;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint64_t *made = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (made == MAP_FAILED) return NULL;
    if (madvise(made, page, MADV_WIPEONFORK) == 0 && atomic_compare_exchange_strong(&words, &known, made)) return made;
    munmap(made, page);
    return atomic_load_explicit(&words, memory_order_acquire);
}

uint64_t cipc_process_number(void) {
    static _Atomic uint64_t last;
    uint64_t *words = cipc_identity_words();
    if (!words) return 0;
    uint64_t number = __atomic_load_n(words + 2, __ATOMIC_ACQUIRE);
    if (number) return number;
    uint64_t next = atomic_fetch_add(&last, 1) + 1;
    return __atomic_compare_exchange_n(words + 2, &number, next, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) ? next : number;
}

int32_t cipc_barrier_register(void) {
    return RESULT(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0));
}

// Not MEMBARRIER_CMD_GLOBAL_EXPEDITED, which passes over a processor that was idle with this process's memory still loaded
// when the process registered, until it has run something else: threads of the dead were seen to write on (Linux 6.18, in
// a tenth to a half of the deaths that were arranged so). A processor that keeps time by itself allows no other.
int32_t cipc_barrier_all(void) {
    int32_t result = RESULT(syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0));
    return result == -EINVAL ? RESULT(syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0)) : result;
}

// A descriptor that holds a lock must not live on in the child of a fork by the host: the lock belongs to the open file,
// and would outlast this process. The mutex is held across open alone, so that no fork comes between birth and entry.

// Two for each region that this process takes part in: the lock of its life there, and that of coming and going.
#define GUARDED_LIMIT 4096
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t guard_once = PTHREAD_ONCE_INIT;
static int32_t guarded[GUARDED_LIMIT];
static int32_t guarded_count;

static void before_fork(void) { pthread_mutex_lock(&guard); }
static void after_fork_in_parent(void) { pthread_mutex_unlock(&guard); }
static void after_fork_in_child(void) {
    for (int32_t i = 0; i < guarded_count; i++) close(guarded[i]);
    guarded_count = 0;
    pthread_mutex_unlock(&guard);
}
static void guard_forks(void) { pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child); }

int32_t cipc_reopen_guarded(int32_t descriptor) {
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    pthread_once(&guard_once, guard_forks);
    pthread_mutex_lock(&guard);
    int32_t result = -EMFILE;
    if (guarded_count < GUARDED_LIMIT) {
        result = RESULT(open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK));
        if (result >= 0) guarded[guarded_count++] = result;
    }
    pthread_mutex_unlock(&guard);
    return result;
}

void cipc_close_guarded(int32_t descriptor) {
    pthread_mutex_lock(&guard);
    for (int32_t i = 0; i < guarded_count; i++) {
        if (guarded[i] != descriptor) continue;
        guarded[i] = guarded[--guarded_count];
        close(descriptor);
        break;
    }
    pthread_mutex_unlock(&guard);
}

static int32_t set_range(int32_t descriptor, short type, uint64_t start, uint64_t count) {
    struct flock range;
    memset(&range, 0, sizeof range);
    range.l_type = type;
    range.l_whence = SEEK_SET;
    range.l_start = (off_t)start;
    range.l_len = (off_t)count;
    return RESULT(fcntl(descriptor, F_OFD_SETLK, &range));
}

int32_t cipc_range_lock(int32_t descriptor, uint64_t start, uint64_t count) {
    return set_range(descriptor, F_WRLCK, start, count);
}

int32_t cipc_range_unlock(int32_t descriptor, uint64_t start, uint64_t count) {
    return set_range(descriptor, F_UNLCK, start, count);
}

void cipc_release_guarded(int32_t descriptor, uint64_t byte) {
    pthread_mutex_lock(&guard);
    for (int32_t i = 0; i < guarded_count; i++) {
        if (guarded[i] != descriptor) continue;
        // Said explicitly: closing alone would leave the lock to a child that was forked past the handlers of fork(2).
        set_range(descriptor, F_UNLCK, byte, 1);
        guarded[i] = guarded[--guarded_count];
        close(descriptor);
        break;
    }
    pthread_mutex_unlock(&guard);
}
