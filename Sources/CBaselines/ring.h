/// The two directions of a ring as one side uses them. Internal to the baselines.
#ifndef CBASE_RING_INTERNAL_H
#define CBASE_RING_INTERNAL_H

#include "cbase_ring.h"
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum { line = 64, inline_limit = 56, finish_mark = 0x7fffffff, skip_mark = 0x7ffffffe };

/// The words that the two sides share, each in lines of its own, and the room behind them.
struct shared {
    _Alignas(2 * line) _Atomic uint64_t tail;
    _Alignas(2 * line) _Atomic uint64_t head;
    _Alignas(2 * line) _Atomic uint32_t reader_sleeps;
    _Alignas(2 * line) _Atomic uint32_t writer_sleeps;
    _Alignas(2 * line) char room[];
};

struct direction {
    struct shared *shared;
    size_t bytes;
    /// Where this side is, and where the other one was when it was looked at last.
    uint64_t own, other;
    int own_bell, other_bell;
    _Bool spins;
};

struct ring {
    struct direction out, in;
    void *memory;
    size_t memory_bytes;
};

int ring_open(struct ring *ring, cbase_ring_link link);
void ring_close(struct ring *ring);

static inline void ring_pause(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#else
    __asm__ volatile("yield");
#endif
}

/// Whether the other side sleeps; it is then rung awake.
static inline void ring_wake(struct direction *way, _Atomic uint32_t *sleeps)
{
    if (way->spins)
        return;
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(sleeps, memory_order_relaxed) && atomic_exchange(sleeps, 0)) {
        const uint64_t one = 1;
        if (write(way->other_bell, &one, sizeof one) < 0)
            return;
    }
}

/// Waits once: spins a turn, or sleeps unless `is_there` has become true meanwhile.
#define RING_WAIT(way, sleeps, is_there)                                                                               \
    do {                                                                                                               \
        if ((way)->spins) {                                                                                            \
            ring_pause();                                                                                              \
        } else {                                                                                                       \
            atomic_store(sleeps, 1);                                                                                   \
            if (is_there) {                                                                                            \
                atomic_store(sleeps, 0);                                                                               \
            } else {                                                                                                   \
                uint64_t rung;                                                                                         \
                if (read((way)->own_bell, &rung, sizeof rung) < 0)                                                     \
                    ring_pause();                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    } while (0)

// In-line commit words: a slot of 64 bytes holds its word (the length and the lap) and up to 56 bytes.

static inline char *slot_claim(struct direction *way)
{
    const uint64_t slots = way->bytes / line;
    while (way->own - way->other >= slots) {
        way->other = atomic_load_explicit(&way->shared->head, memory_order_acquire);
        if (way->own - way->other < slots)
            break;
        RING_WAIT(way, &way->shared->writer_sleeps,
                  way->own - (way->other = atomic_load(&way->shared->head)) < slots);
    }
    return way->shared->room + way->own % slots * line + 8;
}

static inline void slot_send(struct direction *way, size_t bytes)
{
    const uint64_t slots = way->bytes / line;
    _Atomic uint64_t *word = (_Atomic uint64_t *)(way->shared->room + way->own % slots * line);
    atomic_store_explicit(word, bytes | (way->own / slots + 1) << 32, memory_order_release);
    way->own++;
    ring_wake(way, &way->shared->reader_sleeps);
}

static inline char *slot_receive(struct direction *way, size_t *bytes)
{
    const uint64_t slots = way->bytes / line, lap = way->own / slots + 1;
    _Atomic uint64_t *word = (_Atomic uint64_t *)(way->shared->room + way->own % slots * line);
    uint64_t found;
    while ((found = atomic_load_explicit(word, memory_order_acquire)) >> 32 != lap)
        RING_WAIT(way, &way->shared->reader_sleeps, atomic_load(word) >> 32 == lap);
    *bytes = (uint32_t)found;
    return (char *)word + 8;
}

static inline void slot_release(struct direction *way)
{
    way->own++;
    // Told in batches: the writer looks only when it has used up what it knew.
    if (way->own % 16 == 0 || !way->spins)
        atomic_store_explicit(&way->shared->head, way->own, memory_order_release);
    ring_wake(way, &way->shared->writer_sleeps);
}

// Index layout: a length, the bytes, padding to 8; the writer publishes its index, the reader its own.

static inline size_t record_size(size_t bytes) { return (bytes + 8 + 7) & ~(size_t)7; }

static inline char *record_claim(struct direction *way, size_t bytes)
{
    const size_t need = record_size(bytes), offset = way->own & (way->bytes - 1);
    const size_t skip = offset + need > way->bytes ? way->bytes - offset : 0;
    while (way->own + skip + need - way->other > way->bytes) {
        way->other = atomic_load_explicit(&way->shared->head, memory_order_acquire);
        if (way->own + skip + need - way->other <= way->bytes)
            break;
        RING_WAIT(way, &way->shared->writer_sleeps,
                  way->own + skip + need - (way->other = atomic_load(&way->shared->head)) <= way->bytes);
    }
    if (skip) {
        *(uint64_t *)(way->shared->room + offset) = skip_mark;
        way->own += skip;
    }
    return way->shared->room + (way->own & (way->bytes - 1)) + 8;
}

static inline void record_send(struct direction *way, size_t bytes, size_t claimed)
{
    *(uint64_t *)(way->shared->room + (way->own & (way->bytes - 1))) = bytes;
    way->own += record_size(claimed);
    atomic_store_explicit(&way->shared->tail, way->own, memory_order_release);
    ring_wake(way, &way->shared->reader_sleeps);
}

static inline char *record_receive(struct direction *way, size_t *bytes)
{
    for (;;) {
        while (way->own == way->other) {
            way->other = atomic_load_explicit(&way->shared->tail, memory_order_acquire);
            if (way->own != way->other)
                break;
            RING_WAIT(way, &way->shared->reader_sleeps,
                      way->own != (way->other = atomic_load(&way->shared->tail)));
        }
        const size_t offset = way->own & (way->bytes - 1);
        *bytes = *(uint64_t *)(way->shared->room + offset);
        if (*bytes != skip_mark)
            return way->shared->room + offset + 8;
        way->own += way->bytes - offset;
    }
}

static inline void record_release(struct direction *way, size_t bytes)
{
    way->own += record_size(bytes == finish_mark ? 8 : bytes);
    atomic_store_explicit(&way->shared->head, way->own, memory_order_release);
    ring_wake(way, &way->shared->writer_sleeps);
}

// The two as one, by the size that all messages of a run have.

static inline char *ring_claim(struct direction *way, size_t bytes)
{
    return bytes <= inline_limit ? slot_claim(way) : record_claim(way, bytes);
}

static inline void ring_send(struct direction *way, size_t bytes)
{
    if (bytes <= inline_limit)
        slot_send(way, bytes);
    else
        record_send(way, bytes, bytes);
}

/// The next message of a run of messages of `size` bytes; `*bytes` is `finish_mark` at the end.
static inline char *ring_receive(struct direction *way, size_t size, size_t *bytes)
{
    return size <= inline_limit ? slot_receive(way, bytes) : record_receive(way, bytes);
}

static inline void ring_release(struct direction *way, size_t size)
{
    if (size <= inline_limit)
        slot_release(way);
    else
        record_release(way, size);
}

/// Says that nothing more comes.
static inline void ring_finish(struct direction *way, size_t size)
{
    if (size <= inline_limit) {
        slot_claim(way);
        slot_send(way, finish_mark);
    } else {
        record_claim(way, 8);
        record_send(way, finish_mark, 8);
    }
}

#endif
