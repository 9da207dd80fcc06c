// Anonymous files in memory that outlive the process that writes them, and leaving a process.
#ifndef CIPC_MEMORY_FILE_H
#define CIPC_MEMORY_FILE_H

#include "cipc_types.h"

/// memfd_create(2), close-on-exec.
int32_t cipc_memory_file(const char *_Nonnull name);

/// mmap(2), shared, for reading and writing.
int64_t cipc_map_shared(int32_t descriptor, size_t count, void *_Nullable *_Nonnull address);

/// munmap(2).
int32_t cipc_unmap(void *_Nonnull address, size_t count);

/// pread(2).
int64_t cipc_read_at(int32_t descriptor, void *_Nonnull buffer, size_t count, uint64_t offset);

/// exit(3): runs what the program registered for its end, and flushes its streams.
void cipc_exit_process(int32_t status) __attribute__((noreturn));

/// _exit(2): runs nothing more.
void cipc_exit_process_at_once(int32_t status);

#endif
