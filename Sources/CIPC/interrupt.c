#include "CIPC.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define RESULT(call) ({ long _result = (call); _result < 0 ? -errno : _result; })

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

// A signal that comes before the system call would be gone when the call begins to wait. So the call is made between two
// labels: the handler sends a thread that it finds between them, before the kernel was entered, to the third, where the
// call ends with -EINTR. The kernel itself ends a call that waits, because the handler was installed without SA_RESTART.
// A call that has done its work returns its result, and the program counter is behind the second label by then. The way of
// musl's cancellation.
extern const char cipc_interruptible_begin[], cipc_interruptible_end[], cipc_interruptible_refused[];

long cipc_interruptible_raw(const uint32_t *word, long number, long a, long b, long c, long d, long e);

#if defined(__x86_64__)
__asm__(".text\n"
        ".global cipc_interruptible_raw\n"
        ".hidden cipc_interruptible_begin, cipc_interruptible_end, cipc_interruptible_refused\n"
        ".global cipc_interruptible_begin, cipc_interruptible_end, cipc_interruptible_refused\n"
        ".hidden cipc_interruptible_raw\n"
        ".type cipc_interruptible_raw,@function\n"
        "cipc_interruptible_raw:\n"
        ".cfi_startproc\n"
        "    mov %rdi, %r11\n"
        "    mov %rsi, %rax\n"
        "    mov %rdx, %rdi\n"
        "    mov %rcx, %rsi\n"
        "    mov %r8, %rdx\n"
        "    mov %r9, %r10\n"
        "    mov 8(%rsp), %r8\n"
        "    xor %r9d, %r9d\n"
        "cipc_interruptible_begin:\n"
        "    cmpl $0, (%r11)\n"
        "    jne cipc_interruptible_refused\n"
        "    syscall\n"
        "cipc_interruptible_end:\n"
        "    ret\n"
        "cipc_interruptible_refused:\n"
        "    mov $-4, %rax\n"
        "    ret\n"
        ".cfi_endproc\n"
        ".size cipc_interruptible_raw, .-cipc_interruptible_raw\n");
#define PROGRAM_COUNTER(context) (*(uintptr_t *)&(context)->uc_mcontext.gregs[REG_RIP])
#elif defined(__aarch64__)
__asm__(".text\n"
        ".global cipc_interruptible_raw\n"
        ".global cipc_interruptible_begin, cipc_interruptible_end, cipc_interruptible_refused\n"
        ".hidden cipc_interruptible_begin, cipc_interruptible_end, cipc_interruptible_refused\n"
        ".hidden cipc_interruptible_raw\n"
        ".type cipc_interruptible_raw,@function\n"
        "cipc_interruptible_raw:\n"
        ".cfi_startproc\n"
        "    mov x9, x0\n"
        "    mov x8, x1\n"
        "    mov x0, x2\n"
        "    mov x1, x3\n"
        "    mov x2, x4\n"
        "    mov x3, x5\n"
        "    mov x4, x6\n"
        "    mov x5, xzr\n"
        "cipc_interruptible_begin:\n"
        "    ldr w10, [x9]\n"
        "    cbnz w10, cipc_interruptible_refused\n"
        "    svc #0\n"
        "cipc_interruptible_end:\n"
        "    ret\n"
        "cipc_interruptible_refused:\n"
        "    mov x0, #-4\n"
        "    ret\n"
        ".cfi_endproc\n"
        ".size cipc_interruptible_raw, .-cipc_interruptible_raw\n");
#define PROGRAM_COUNTER(context) (*(uintptr_t *)&(context)->uc_mcontext.pc)
#endif

static __thread uint32_t own_word;

static void handle(int signal, siginfo_t *information, void *given) {
    (void)signal;
    // A timer has nobody who sets the word; its value is the word of the thread that started it, which is this one.
    if (information->si_code == SI_TIMER && information->si_value.sival_ptr) {
        __atomic_store_n((uint32_t *)information->si_value.sival_ptr, 1, __ATOMIC_RELAXED);
    }
    ucontext_t *context = given;
    uintptr_t here = PROGRAM_COUNTER(context);
    if (here >= (uintptr_t)cipc_interruptible_begin && here < (uintptr_t)cipc_interruptible_end) {
        PROGRAM_COUNTER(context) = (uintptr_t)cipc_interruptible_refused;
    }
}

int32_t cipc_interrupt_has_signal(int32_t signal) {
    struct sigaction found;
    if (sigaction(signal, NULL, &found) < 0) return 0;
    return (found.sa_flags & SA_SIGINFO) && found.sa_sigaction == handle;
}

int32_t cipc_interrupt_take_signal(int32_t signal) {
    struct sigaction action;
    if (sigaction(signal, NULL, &action) < 0) return -errno;
    if ((action.sa_flags & SA_SIGINFO) ? action.sa_sigaction == handle : 0) return 0;
    if ((action.sa_flags & SA_SIGINFO) || action.sa_handler != SIG_DFL) return -EBUSY;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = handle;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    return RESULT(sigaction(signal, &action, NULL));
}

static __thread int32_t admitted;

int32_t cipc_interrupt_admit(int32_t signal) {
    if (admitted == signal) return 0;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    int result = pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    if (result == 0) admitted = signal;
    return -result;
}

uint32_t *cipc_interrupt_word(void) { return &own_word; }

void cipc_interrupt_rearm(uint32_t *word) { __atomic_store_n(word, 0, __ATOMIC_SEQ_CST); }

// What pthread_kill(3) takes, and not its number, which would be a system call for each call that blocks.
uintptr_t cipc_interrupt_own_thread(void) { return (uintptr_t)pthread_self(); }

int32_t cipc_interrupt_thread(uintptr_t thread, uint32_t *word, int32_t signal) {
    __atomic_store_n(word, 1, __ATOMIC_SEQ_CST);
    int result;
    // EAGAIN: the user has RLIMIT_SIGPENDING signals on their way, and some will have arrived soon.
    for (int32_t attempt = 0; attempt < 1000; attempt++) {
        result = pthread_kill((pthread_t)thread, signal);
        if (result != EAGAIN) break;
        usleep(100);
    }
    return -result;
}

int32_t cipc_interrupt_timer_start(int32_t signal, uint64_t instant, int32_t *timer) {
    struct sigevent event;
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = signal;
    event.sigev_value.sival_ptr = &own_word;
    event.sigev_notify_thread_id = gettid();
    int made;
    if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &made) < 0) return -errno;
    struct itimerspec when = {.it_value = {(time_t)(instant / 1000000000), (long)(instant % 1000000000)}};
    // 0 would mean never.
    if (instant == 0) when.it_value.tv_nsec = 1;
    if (syscall(SYS_timer_settime, made, TIMER_ABSTIME, &when, NULL) < 0) {
        int error = errno;
        syscall(SYS_timer_delete, made);
        return -error;
    }
    *timer = made;
    return 0;
}

int32_t cipc_interrupt_timer_stop(int32_t timer) { return RESULT(syscall(SYS_timer_delete, timer)); }

long cipc_interruptible_call(long number, long a, long b, long c, long d, long e) {
    return cipc_interruptible_raw(&own_word, number, a, b, c, d, e);
}
