// The system calls of the hot paths, issued directly: libc's read, write and epoll_wait are cancellation points, which
// costs 15 % of a round trip in a process that has threads.
#ifndef CIPC_RAW_H
#define CIPC_RAW_H

#include "cipc_types.h"

#if defined(__x86_64__)
#define CIPC_SYS_READ 0
#define CIPC_SYS_WRITE 1
#define CIPC_SYS_SENDTO 44
#define CIPC_SYS_RECVFROM 45
#define CIPC_SYS_PWRITEV2 328
#define CIPC_SYS_WRITEV 20

static inline long cipc_syscall3(long number, long a, long b, long c) {
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}

static inline long cipc_syscall6(long number, long a, long b, long c, long d, long e, long f) {
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
#define CIPC_SYS_READ 63
#define CIPC_SYS_WRITE 64
#define CIPC_SYS_SENDTO 206
#define CIPC_SYS_RECVFROM 207
#define CIPC_SYS_PWRITEV2 287
#define CIPC_SYS_WRITEV 66

static inline long cipc_syscall6(long number, long a, long b, long c, long d, long e, long f) {
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
}

static inline long cipc_syscall3(long number, long a, long b, long c) {
    return cipc_syscall6(number, a, b, c, 0, 0, 0);
}
#else
#error "swift-ipc supports x86-64 and arm64 on Linux"
#endif

/// read(2).
static inline long cipc_read(int32_t descriptor, void *_Nonnull buffer, size_t count) {
    return cipc_syscall3(CIPC_SYS_READ, descriptor, (long)buffer, (long)count);
}

/// recv(2).
static inline long cipc_recv(int32_t descriptor, void *_Nonnull buffer, size_t count) {
    return cipc_syscall6(CIPC_SYS_RECVFROM, descriptor, (long)buffer, (long)count, 0, 0, 0);
}

/// send(2) with MSG_NOSIGNAL.
static inline long cipc_send(int32_t descriptor, const void *_Nonnull buffer, size_t count) {
    return cipc_syscall6(CIPC_SYS_SENDTO, descriptor, (long)buffer, (long)count, 0x4000, 0, 0);
}

/// Whether SIGPIPE is blocked on this thread by us, which is so on the workers of our executor alone.
extern __thread int32_t cipc_thread_blocks_sigpipe;
static inline int32_t cipc_thread_blocks_sigpipe_get(void) { return cipc_thread_blocks_sigpipe; }

/// writev(2) from a thread of the host, where SIGPIPE must neither be delivered nor left pending.
long cipc_write_guarded(int32_t descriptor, const cipc_iovec *_Nonnull pieces, int32_t count);

/// write(2) that never raises SIGPIPE in the process, whatever its disposition.
static inline long cipc_write(int32_t descriptor, const void *_Nonnull buffer, size_t count) {
    if (cipc_thread_blocks_sigpipe) {
        return cipc_syscall3(CIPC_SYS_WRITE, descriptor, (long)buffer, (long)count);
    }
    cipc_iovec piece = {(void *)buffer, count};
    return cipc_write_guarded(descriptor, &piece, 1);
}

/// One write of a short head and a body: copied together on the stack when they are small, because the kernel takes
/// longer to gather two pieces than it takes to copy a few kilobytes. `is_socket`: send(2), else write(2).
long cipc_write_gathered(int32_t descriptor, int32_t is_socket, const void *_Nonnull head, size_t head_count,
                         const void *_Nullable body, size_t body_count);

/// Tells the processor that this is a spin.
static inline void cipc_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#else
    __asm__ volatile("yield");
#endif
}

#endif
