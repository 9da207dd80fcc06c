// Descriptors and files. Every descriptor is close-on-exec from birth.
#ifndef CIPC_DESCRIPTOR_H
#define CIPC_DESCRIPTOR_H

#include "cipc_types.h"

/// What fstat(2) and lstat(2) tell, as far as this library asks.
typedef struct cipc_file_status {
    uint64_t device;
    uint64_t inode;
    uint64_t size;
    uint64_t allocated;
    uint32_t mode;
    uint32_t owner;
    uint32_t group;
} cipc_file_status;

int32_t cipc_close(int32_t descriptor);
int32_t cipc_duplicate(int32_t descriptor, int32_t lowest);
int32_t cipc_duplicate_onto(int32_t descriptor, int32_t number, int32_t close_on_exec);
int32_t cipc_pipe(int32_t *_Nonnull ends, int32_t nonblocking);
int32_t cipc_eventfd(uint32_t initial);
int32_t cipc_open(const char *_Nonnull path, int32_t flags, uint32_t mode);
int32_t cipc_open_at(int32_t directory, const char *_Nonnull path, int32_t flags, uint32_t mode);
int32_t cipc_get_status_flags(int32_t descriptor);
int32_t cipc_set_status_flags(int32_t descriptor, int32_t flags);
int32_t cipc_set_close_on_exec(int32_t descriptor, int32_t enabled);
int32_t cipc_get_descriptor_flags(int32_t descriptor);
int32_t cipc_get_pipe_size(int32_t descriptor);
int32_t cipc_set_pipe_size(int32_t descriptor, int32_t byte_count);
int32_t cipc_bytes_available(int32_t descriptor);
long cipc_writev(int32_t descriptor, const cipc_iovec *_Nonnull pieces, int32_t count);
long cipc_readv(int32_t descriptor, const cipc_iovec *_Nonnull pieces, int32_t count);
/// pread(2).
long cipc_read_at(int32_t descriptor, void *_Nonnull buffer, size_t count, uint64_t offset);
int32_t cipc_fstat(int32_t descriptor, cipc_file_status *_Nonnull status);
int32_t cipc_lstat(const char *_Nonnull path, cipc_file_status *_Nonnull status);
int32_t cipc_unlink(const char *_Nonnull path);
int32_t cipc_rename(const char *_Nonnull from, const char *_Nonnull to);
int32_t cipc_mkdir(const char *_Nonnull path, uint32_t mode);
int32_t cipc_rmdir(const char *_Nonnull path);
int32_t cipc_mkfifo(const char *_Nonnull path, uint32_t mode);
int32_t cipc_fchmod(int32_t descriptor, uint32_t mode);
int32_t cipc_chmod(const char *_Nonnull path, uint32_t mode);
int32_t cipc_ftruncate(int32_t descriptor, uint64_t size);
int32_t cipc_flock(int32_t descriptor, int32_t exclusive, int32_t wait);
long cipc_readlink(const char *_Nonnull path, char *_Nonnull buffer, size_t count);

#define CIPC_O_RDONLY 0
#define CIPC_O_WRONLY 1
#define CIPC_O_RDWR 2
extern const int32_t cipc_o_creat, cipc_o_excl, cipc_o_nonblock, cipc_o_nofollow, cipc_o_directory, cipc_o_path,
    cipc_o_trunc, cipc_o_append;

#endif
