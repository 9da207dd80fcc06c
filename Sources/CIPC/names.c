#include "CIPC.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

#define RESULT(call) ({ long _result = (call); _result < 0 ? -errno : _result; })

int32_t cipc_lstat_at(int32_t directory, const char *name, cipc_file_status *status) {
    struct stat found;
    if (fstatat(directory, name, &found, AT_SYMLINK_NOFOLLOW) < 0) return -errno;
    status->device = found.st_dev;
    status->inode = found.st_ino;
    status->size = (uint64_t)found.st_size;
    status->allocated = (uint64_t)found.st_blocks * 512;
    status->mode = found.st_mode;
    status->owner = found.st_uid;
    status->group = found.st_gid;
    return 0;
}

int32_t cipc_unlink_at(int32_t directory, const char *name) { return RESULT(unlinkat(directory, name, 0)); }

int32_t cipc_chmod_path_descriptor(int32_t descriptor, uint32_t mode) {
    long result = RESULT(syscall(SYS_fchmodat2, descriptor, "", mode, AT_EMPTY_PATH));
    if (result != -ENOSYS && result != -EPERM && result != -EINVAL) return (int32_t)result;
    // EPERM may be a filter that does not know the call: the older way tells whether it is meant.
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    return RESULT(chmod(path, mode));
}

int32_t cipc_unlock(int32_t descriptor) { return RESULT(flock(descriptor, LOCK_UN)); }

int32_t cipc_open_unnamed(const char *folder, uint32_t mode) {
    return RESULT(open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, mode));
}

int32_t cipc_give_name(int32_t descriptor, const char *path) {
    char own[32];
    snprintf(own, sizeof own, "/proc/self/fd/%d", descriptor);
    return RESULT(linkat(AT_FDCWD, own, AT_FDCWD, path, AT_SYMLINK_FOLLOW));
}

int32_t cipc_link(const char *from, const char *to) { return RESULT(link(from, to)); }

int32_t cipc_each_entry(int32_t directory, void (*each)(const char *, void *), void *context) {
    _Alignas(struct dirent64) char buffer[8192];
    for (;;) {
        long count = syscall(SYS_getdents64, directory, buffer, sizeof buffer);
        if (count < 0) return -errno;
        if (count == 0) return 0;
        for (long offset = 0; offset < count;) {
            struct dirent64 *entry = (struct dirent64 *)(buffer + offset);
            if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) each(entry->d_name, context);
            offset += entry->d_reclen;
        }
    }
}
