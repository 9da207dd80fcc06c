/// What every measured message contains, and the times that were taken.
///
/// A message of n bytes starts with its sequence number; from 16 bytes on it ends with the complement of that number;
/// what lies between is a fixed pattern. The two words are checked on every message, the pattern on every 256th, so
/// that the check costs the same few nanoseconds on both sides of a ratio.
#ifndef CBASE_MESSAGE_H
#define CBASE_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// How often the whole body is compared (a power of two).
enum { cbase_body_check_interval = 256 };

/// The smallest message that can carry a sequence number.
enum { cbase_smallest_message = 8 };

/// Writes the pattern and the words of `sequence` into `bytes` bytes at `message`.
void cbase_message_fill(void *message, size_t bytes, uint64_t sequence);

/// Whether the pattern between the two words is intact.
_Bool cbase_message_body_is_intact(const void *message, size_t bytes);

/// Renews the sequence words of a message that `cbase_message_fill` has written.
static inline void cbase_message_stamp(void *message, size_t bytes, uint64_t sequence)
{
    __builtin_memcpy(message, &sequence, sizeof sequence);
    if (bytes >= 2 * sizeof sequence) {
        const uint64_t complement = ~sequence;
        __builtin_memcpy((char *)message + bytes - sizeof complement, &complement, sizeof complement);
    }
}

/// The sequence number that a message of at least `cbase_smallest_message` bytes carries.
static inline uint64_t cbase_message_sequence(const void *message)
{
    uint64_t sequence;
    __builtin_memcpy(&sequence, message, sizeof sequence);
    return sequence;
}

/// Whether `bytes` bytes at `message` are the message with this sequence number.
static inline _Bool cbase_message_is(const void *message, size_t bytes, uint64_t sequence)
{
    if (cbase_message_sequence(message) != sequence)
        return 0;
    if (bytes >= 2 * sizeof sequence) {
        uint64_t complement;
        __builtin_memcpy(&complement, (const char *)message + bytes - sizeof complement, sizeof complement);
        if (complement != ~sequence)
            return 0;
    }
    return sequence % cbase_body_check_interval != 0 || cbase_message_body_is_intact(message, bytes);
}

/// Times of single operations, in nanoseconds; the memory is touched before measuring starts.
typedef struct {
    uint32_t *_Nullable values;
    size_t count;
    size_t capacity;
} cbase_samples;

/// Room for `capacity` times. Returns -ENOMEM if there is none.
int cbase_samples_open(cbase_samples *samples, size_t capacity);

void cbase_samples_close(cbase_samples *samples);

/// Keeps one time. Times above four seconds are kept as the largest value; a full store drops what comes.
static inline void cbase_samples_add(cbase_samples *samples, uint64_t nanoseconds)
{
    if (samples->count < samples->capacity)
        samples->values[samples->count++] = nanoseconds > UINT32_MAX ? UINT32_MAX : (uint32_t)nanoseconds;
}

/// Sorts the times and returns the one that `percent` (0 to 100) of them do not exceed; 0 if there are none.
uint32_t cbase_samples_percentile(cbase_samples *samples, double percent);

#pragma clang assume_nonnull end

#endif
