#include "CIPC.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

int64_t cipc_map_twice(int32_t descriptor, uint64_t offset, size_t count, void **address) {
    char *reserved = mmap(NULL, 2 * count, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (reserved == MAP_FAILED) return -errno;
    for (int half = 0; half < 2; half++) {
        void *mapped = mmap(reserved + half * count, count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, descriptor,
                            (off_t)offset);
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

static int32_t membarrier(int command) {
    long result = syscall(SYS_membarrier, command, 0, 0);
    return result < 0 ? -errno : (int32_t)result;
}

int32_t cipc_register_for_barriers(void) { return membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED); }

int32_t cipc_barrier_everywhere(void) { return membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED); }
