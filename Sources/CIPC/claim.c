#include "CIPC.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static struct flock one(short type, uint64_t byte) {
    return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)byte, .l_len = 1};
}

int32_t cipc_claim_take(int32_t descriptor, uint64_t byte) {
    struct flock lock = one(F_WRLCK, byte);
    return fcntl(descriptor, F_OFD_SETLK, &lock) < 0 ? -errno : 0;
}

int32_t cipc_claim_drop(int32_t descriptor, uint64_t byte) {
    struct flock lock = one(F_UNLCK, byte);
    return fcntl(descriptor, F_OFD_SETLK, &lock) < 0 ? -errno : 0;
}

int32_t cipc_claim_is_taken(int32_t descriptor, uint64_t byte) {
    // Asked as for a read lock, write locks alone are in the way: whoever may read the file can lock it for reading.
    struct flock lock = one(F_RDLCK, byte);
    if (fcntl(descriptor, F_OFD_GETLK, &lock) < 0) return -errno;
    return lock.l_type != F_UNLCK;
}
