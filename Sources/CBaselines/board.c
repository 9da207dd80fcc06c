/// `blackboard/read` and `broadcast/stream/64`: one writer in shared memory.
#include "cbase_board.h"
#include "cbase_message.h"
#include "cbase_process.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    copies = 8,
    largest_value = 4096,
    clock_interval = 64,
    /// Messages in the ring (a power of two).
    lane_messages = 16384,
    largest_message = 64,
    spins_before_yield = 2000,
};

struct board {
    _Alignas(64) _Atomic uint64_t version;
    _Alignas(64) _Atomic uint32_t is_over;
    _Alignas(64) char copy[copies][largest_value];
};

struct lane {
    _Alignas(64) _Atomic uint64_t tail;
    _Alignas(64) _Atomic uint64_t head;
    _Alignas(64) _Atomic uint32_t is_over;
    _Alignas(64) char message[lane_messages][largest_message];
};

/// Maps `bytes` of the memory of this name, making it if need be. Whoever comes second finds it; zero is the start of all.
static void *open_memory(const char *name, size_t bytes)
{
    const int file = shm_open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0)
        return NULL;
    void *memory = ftruncate(file, (off_t)bytes) < 0 ? MAP_FAILED
                                                     : mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                                                            MAP_SHARED | MAP_POPULATE, file, 0);
    close(file);
    return memory == MAP_FAILED ? NULL : memory;
}

void cbase_board_remove(const char *name) { shm_unlink(name); }

/// Copies the latest value; returns its version.
static uint64_t read_latest(struct board *board, char *value, size_t bytes)
{
    for (;;) {
        const uint64_t version = atomic_load_explicit(&board->version, memory_order_acquire);
        memcpy(value, board->copy[version % copies], bytes);
        atomic_thread_fence(memory_order_acquire);
        const uint64_t now = atomic_load_explicit(&board->version, memory_order_relaxed);
        if (now - version < copies - 1)
            return version;
    }
}

int cbase_board_read(const char *name, cbase_plan plan, cbase_report *report)
{
    struct board *board = open_memory(name, sizeof *board);
    if (!board || plan.bytes > largest_value)
        return cbase_report_fail(report, "shared memory", board ? EINVAL : errno);
    char value[largest_value];
    while (atomic_load(&board->version) == 0)
        sched_yield();
    report->started_ns = cbase_now();
    const uint64_t end = report->started_ns + plan.duration_ns;
    int result = 0;
    do {
        const uint64_t version = read_latest(board, value, plan.bytes);
        if (!cbase_message_is(value, plan.bytes, version)) {
            result = cbase_report_fail(report, "a torn value", EBADMSG);
            break;
        }
        report->measured++;
    } while (report->measured % clock_interval != 0 || cbase_now() < end);
    report->ended_ns = cbase_now();
    atomic_store(&board->is_over, 1);
    return result;
}

int cbase_board_write(const char *name, cbase_plan plan, cbase_report *report)
{
    struct board *board = open_memory(name, sizeof *board);
    if (!board || plan.bytes > largest_value)
        return cbase_report_fail(report, "shared memory", board ? EINVAL : errno);
    char value[largest_value];
    cbase_message_fill(value, plan.bytes, 0);
    while (!atomic_load_explicit(&board->is_over, memory_order_relaxed)) {
        const uint64_t next = atomic_load_explicit(&board->version, memory_order_relaxed) + 1;
        cbase_message_stamp(value, plan.bytes, next);
        atomic_thread_fence(memory_order_release);
        memcpy(board->copy[next % copies], value, plan.bytes);
        atomic_store_explicit(&board->version, next, memory_order_release);
        report->measured++;
    }
    return 0;
}

static void pause_processor(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#else
    __asm__ volatile("yield");
#endif
}

static void wait_a_little(unsigned *spins)
{
    if (++*spins % spins_before_yield == 0)
        sched_yield();
    else
        pause_processor();
}

int cbase_lane_send(const char *name, cbase_plan plan, cbase_report *report)
{
    struct lane *lane = open_memory(name, sizeof *lane);
    if (!lane || plan.bytes > largest_message)
        return cbase_report_fail(report, "shared memory", lane ? EINVAL : errno);
    char message[largest_message];
    cbase_message_fill(message, plan.bytes, 0);
    uint64_t head = 0;
    unsigned spins = 0;
    report->started_ns = cbase_now();
    const uint64_t end = report->started_ns + plan.duration_ns;
    do {
        cbase_message_stamp(message, plan.bytes, report->sent);
        while (report->sent - head == lane_messages) {
            head = atomic_load_explicit(&lane->head, memory_order_acquire);
            if (report->sent - head == lane_messages)
                wait_a_little(&spins);
        }
        memcpy(lane->message[report->sent % lane_messages], message, plan.bytes);
        report->sent++;
        atomic_store_explicit(&lane->tail, report->sent, memory_order_release);
    } while (report->sent % clock_interval != 0 || cbase_now() < end);
    report->ended_ns = cbase_now();
    report->measured = report->sent;
    atomic_store(&lane->is_over, 1);
    return 0;
}

int cbase_lane_receive(const char *name, cbase_plan plan, cbase_report *report)
{
    struct lane *lane = open_memory(name, sizeof *lane);
    if (!lane || plan.bytes > largest_message)
        return cbase_report_fail(report, "shared memory", lane ? EINVAL : errno);
    uint64_t tail = 0;
    unsigned spins = 0;
    for (;;) {
        if (report->received == tail) {
            const uint32_t is_over = atomic_load_explicit(&lane->is_over, memory_order_acquire);
            tail = atomic_load_explicit(&lane->tail, memory_order_acquire);
            if (report->received == tail) {
                if (is_over)
                    break;
                wait_a_little(&spins);
                continue;
            }
        }
        if (!cbase_message_is(lane->message[report->received % lane_messages], plan.bytes, report->received))
            return cbase_report_fail(report, "the bytes that arrived", EBADMSG);
        report->received++;
        // The sender looks only when the ring is full: a quarter of it at a time keeps the line where it is.
        if (report->received % (lane_messages / 4) == 0 || report->received == tail)
            atomic_store_explicit(&lane->head, report->received, memory_order_release);
    }
    report->ended_ns = cbase_now();
    report->measured = report->received;
    return 0;
}
