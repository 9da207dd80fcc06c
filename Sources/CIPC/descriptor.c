#include "CIPC.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define RESULT(call) ({ long _result = (call); _result < 0 ? -errno : _result; })

const int32_t cipc_o_creat = O_CREAT, cipc_o_excl = O_EXCL, cipc_o_nonblock = O_NONBLOCK, cipc_o_nofollow = O_NOFOLLOW,
              cipc_o_directory = O_DIRECTORY, cipc_o_path = O_PATH, cipc_o_trunc = O_TRUNC, cipc_o_append = O_APPEND;

int32_t cipc_close(int32_t descriptor) { return RESULT(close(descriptor)); }

int32_t cipc_duplicate(int32_t descriptor, int32_t lowest) { return RESULT(fcntl(descriptor, F_DUPFD_CLOEXEC, lowest)); }

int32_t cipc_duplicate_onto(int32_t descriptor, int32_t number, int32_t close_on_exec) {
    return RESULT(dup3(descriptor, number, close_on_exec ? O_CLOEXEC : 0));
}

int32_t cipc_pipe(int32_t *ends, int32_t nonblocking) {
    return RESULT(pipe2(ends, O_CLOEXEC | (nonblocking ? O_NONBLOCK : 0)));
}

int32_t cipc_eventfd(uint32_t initial) { return RESULT(eventfd(initial, EFD_CLOEXEC | EFD_NONBLOCK)); }

int32_t cipc_open(const char *path, int32_t flags, uint32_t mode) { return RESULT(open(path, flags | O_CLOEXEC, mode)); }

int32_t cipc_open_at(int32_t directory, const char *path, int32_t flags, uint32_t mode) {
    return RESULT(openat(directory, path, flags | O_CLOEXEC, mode));
}

int32_t cipc_get_status_flags(int32_t descriptor) { return RESULT(fcntl(descriptor, F_GETFL)); }

int32_t cipc_set_status_flags(int32_t descriptor, int32_t flags) { return RESULT(fcntl(descriptor, F_SETFL, flags)); }

int32_t cipc_get_descriptor_flags(int32_t descriptor) { return RESULT(fcntl(descriptor, F_GETFD)); }

int32_t cipc_set_close_on_exec(int32_t descriptor, int32_t enabled) {
    return RESULT(fcntl(descriptor, F_SETFD, enabled ? FD_CLOEXEC : 0));
}

int32_t cipc_get_pipe_size(int32_t descriptor) { return RESULT(fcntl(descriptor, F_GETPIPE_SZ)); }

int32_t cipc_set_pipe_size(int32_t descriptor, int32_t byte_count) {
    return RESULT(fcntl(descriptor, F_SETPIPE_SZ, byte_count));
}

int32_t cipc_bytes_available(int32_t descriptor) {
    int count = 0;
    return ioctl(descriptor, FIONREAD, &count) < 0 ? -errno : count;
}

long cipc_writev(int32_t descriptor, const cipc_iovec *pieces, int32_t count) {
    return RESULT(writev(descriptor, (const struct iovec *)pieces, count));
}

long cipc_readv(int32_t descriptor, const cipc_iovec *pieces, int32_t count) {
    return RESULT(readv(descriptor, (const struct iovec *)pieces, count));
}

static int32_t convert(int result, const struct stat *from, cipc_file_status *to) {
    if (result < 0) return -errno;
    to->device = from->st_dev;
    to->inode = from->st_ino;
    to->size = (uint64_t)from->st_size;
    to->allocated = (uint64_t)from->st_blocks * 512;
    to->mode = from->st_mode;
    to->owner = from->st_uid;
    to->group = from->st_gid;
    return 0;
}

long cipc_read_at(int32_t descriptor, void *buffer, size_t count, uint64_t offset) {
    return RESULT(pread(descriptor, buffer, count, (off_t)offset));
}

int32_t cipc_fstat(int32_t descriptor, cipc_file_status *status) {
    struct stat found;
    return convert(fstat(descriptor, &found), &found, status);
}

int32_t cipc_lstat(const char *path, cipc_file_status *status) {
    struct stat found;
    return convert(lstat(path, &found), &found, status);
}

int32_t cipc_unlink(const char *path) { return RESULT(unlink(path)); }
int32_t cipc_rename(const char *from, const char *to) { return RESULT(rename(from, to)); }
int32_t cipc_mkdir(const char *path, uint32_t mode) { return RESULT(mkdir(path, mode)); }
int32_t cipc_rmdir(const char *path) { return RESULT(rmdir(path)); }
int32_t cipc_mkfifo(const char *path, uint32_t mode) { return RESULT(mkfifo(path, mode)); }
int32_t cipc_fchmod(int32_t descriptor, uint32_t mode) { return RESULT(fchmod(descriptor, mode)); }
int32_t cipc_chmod(const char *path, uint32_t mode) { return RESULT(chmod(path, mode)); }
int32_t cipc_ftruncate(int32_t descriptor, uint64_t size) { return RESULT(ftruncate(descriptor, (off_t)size)); }

int32_t cipc_flock(int32_t descriptor, int32_t exclusive, int32_t wait) {
    return RESULT(flock(descriptor, (exclusive ? LOCK_EX : LOCK_SH) | (wait ? 0 : LOCK_NB)));
}

long cipc_readlink(const char *path, char *buffer, size_t count) { return RESULT(readlink(path, buffer, count)); }
