#include "CIPC.h"

#include <errno.h>
#include <sys/mman.h>

int64_t cipc_map_twice(int32_t descriptor, uint64_t offset, size_t count, int32_t populate, void **address) {
    int flags = MAP_SHARED | MAP_FIXED | (populate ? MAP_POPULATE : 0);
    char *reserved = mmap(NULL, 2 * count, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (reserved == MAP_FAILED) return -errno;
    for (int half = 0; half < 2; half++) {
        void *mapped =
            mmap(reserved + half * count, count, PROT_READ | PROT_WRITE, flags, descriptor, (off_t)offset);
        if (mapped == MAP_FAILED) {
            int error = errno;
            munmap(reserved, 2 * count);
            return -error;
        }
    }
    *address = reserved;
    return 0;
}

int32_t cipc_unmap_twice(void *address, size_t count) { return munmap(address, 2 * count) < 0 ? -errno : 0; }
