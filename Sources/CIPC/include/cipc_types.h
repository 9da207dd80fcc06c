// Fixed-size types only. The C library's own headers stay out of these headers: a module that sees both this one
// with _GNU_SOURCE and Swift's Glibc module without it sees two shapes of the same struct.
#ifndef CIPC_TYPES_H
#define CIPC_TYPES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// One piece of a scattered read or write. The same layout as struct iovec.
typedef struct cipc_iovec {
    void *_Nullable base;
    size_t count;
} cipc_iovec;

#endif
