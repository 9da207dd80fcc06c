#include "cbase_allocations.h"
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define CBASE_FOREIGN_ALLOCATOR 1
#endif
#endif

static _Atomic(_Bool) counting;
static _Atomic(uint64_t) calls;

void cbase_allocations_start(void)
{
    atomic_store(&calls, 0);
    atomic_store(&counting, 1);
}

uint64_t cbase_allocations_stop(void)
{
    atomic_store(&counting, 0);
    return atomic_load(&calls);
}

#ifdef CBASE_FOREIGN_ALLOCATOR

_Bool cbase_allocations_are_counted(void)
{
    return 0;
}

#else

_Bool cbase_allocations_are_counted(void)
{
    return 1;
}

static inline void note_call(void)
{
    if (atomic_load_explicit(&counting, memory_order_relaxed))
        atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed);
}

// glibc exports its allocator under these names too; "Replacing malloc" in its manual asks for the whole family
// together.
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size)
{
    note_call();
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    note_call();
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    note_call();
    return __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    note_call();
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
    note_call();
    if (alignment < sizeof(void *) || (alignment & (alignment - 1)) != 0)
        return EINVAL;
    void *result = __libc_memalign(alignment, size);
    if (!result)
        return ENOMEM;
    *memory = result;
    return 0;
}

#endif
