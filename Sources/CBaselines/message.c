#include "cbase_message.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static unsigned char body_byte(size_t offset)
{
    return (unsigned char)(offset * 131 + 17);
}

/// Where the closing word starts; messages too small for one have no body behind the first word either.
static size_t body_end(size_t bytes)
{
    return bytes >= 16 ? bytes - 8 : bytes;
}

void cbase_message_fill(void *message, size_t bytes, uint64_t sequence)
{
    unsigned char *byte = message;
    for (size_t offset = 8; offset < body_end(bytes); offset++)
        byte[offset] = body_byte(offset);
    cbase_message_stamp(message, bytes, sequence);
}

_Bool cbase_message_body_is_intact(const void *message, size_t bytes)
{
    const unsigned char *byte = message;
    unsigned char differences = 0;
    for (size_t offset = 8; offset < body_end(bytes); offset++)
        differences |= byte[offset] ^ body_byte(offset);
    return differences == 0;
}

int cbase_samples_open(cbase_samples *samples, size_t capacity)
{
    samples->count = 0;
    samples->capacity = capacity;
    samples->values = malloc(capacity * sizeof *samples->values);
    if (!samples->values)
        return -ENOMEM;
    // Written, not zeroed by calloc: the pages must be there before the first time is kept.
    memset(samples->values, 0xff, capacity * sizeof *samples->values);
    return 0;
}

void cbase_samples_close(cbase_samples *samples)
{
    free(samples->values);
    samples->values = NULL;
    samples->count = samples->capacity = 0;
}

static int compare_values(const void *left, const void *right)
{
    const uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

uint32_t cbase_samples_percentile(cbase_samples *samples, double percent)
{
    if (samples->count == 0)
        return 0;
    qsort(samples->values, samples->count, sizeof *samples->values, compare_values);
    size_t index = (size_t)((double)samples->count * percent / 100);
    return samples->values[index < samples->count ? index : samples->count - 1];
}
