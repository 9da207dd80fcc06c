#include "CIPC.h"

#include <link.h>
#include <pthread.h>
#include <unistd.h>

// Swift's runtime does what is to be done once (globals, type metadata) under a lock whose word is the number of the thread
// that has it, so that the kernel can tell who waits for whom (futex(2), FUTEX_LOCK_PI). It asks for the number of a thread
// once and keeps it in thread-local memory, where the only thread of the child of a fork finds its parent's (Swift 6.3,
// ulock_get_tid). That does no harm until a second thread wants such a lock while that one has it. From then on the kernel,
// which finds a stranger's number in the word, refuses the one to wait and the other to let go (EPERM), and both ask again
// for ever. The first step of taking part in a region starts a second thread.
//
// So the child forgets the number, and the runtime asks again. Where the runtime keeps it is not said anywhere, but what it does
// tells: a word of its thread-local memory that had the parent's number, and has the child's after it was cleared and something
// was done once, is that place. Any other word is put back as it was, and a runtime that does otherwise is left alone.
//
// What it costs: a child that is forked inside what is done once, and returns from it, has a lock with its parent's number.

extern void swift_once(void *predicate, void (*body)(void *), void *context) __attribute__((weak));

static pid_t loader;

int32_t cipc_is_forked(void) { return getpid() != loader; }

#if defined(__x86_64__) || defined(__aarch64__)

// How the compiler asks for thread-local memory: the offset in the memory of a module.
typedef struct {
    unsigned long module;
    unsigned long offset;
} tls_place;
extern void *__tls_get_addr(tls_place *place);

// The thread-local memory of the module that has `swift_once`.
static tls_place runtime_place;
static size_t runtime_words;
// The thread that forks.
static __thread uint32_t forking_thread;

static int look_for_runtime(struct dl_phdr_info *info, size_t size, void *context) {
    (void)context;
    if (size < offsetof(struct dl_phdr_info, dlpi_tls_data)) return 1;
    uintptr_t wanted = (uintptr_t)swift_once;
    size_t byte_count = 0;
    int is_here = 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type == PT_TLS) byte_count = part->p_memsz;
        if (part->p_type == PT_LOAD && wanted - (info->dlpi_addr + part->p_vaddr) < part->p_memsz) is_here = 1;
    }
    if (!is_here) return 0;
    runtime_place.module = info->dlpi_tls_modid;
    runtime_words = info->dlpi_tls_modid ? byte_count / sizeof(uint32_t) : 0;
    return 1;
}

static void do_nothing(void *context) { (void)context; }

static void before_fork(void) { forking_thread = (uint32_t)gettid(); }

static void after_fork_in_child(void) {
    uint32_t parents = forking_thread;
    uint32_t own = (uint32_t)gettid();
    if (parents == own) return;
    volatile uint32_t *words = __tls_get_addr(&runtime_place);
    for (size_t i = 0; i < runtime_words; i++) {
        if (words[i] != parents) continue;
        // More than the eight bytes that it takes.
        uint64_t predicate[2] = {0, 0};
        words[i] = 0;
        swift_once(predicate, do_nothing, NULL);
        if (words[i] == own) return;
        words[i] = parents;
    }
}

static void tend_forks(void) {
    if (!swift_once) return;
    dl_iterate_phdr(look_for_runtime, NULL);
    if (runtime_words > 0) pthread_atfork(before_fork, NULL, after_fork_in_child);
}

#else

static void tend_forks(void) {}

#endif

__attribute__((constructor)) static void begin(void) {
    loader = getpid();
    tend_forks();
}
