#include "CIPC.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define RESULT(call) ({ long _result = (call); _result < 0 ? -errno : _result; })

int32_t cipc_memory_file(const char *name) { return RESULT(memfd_create(name, MFD_CLOEXEC)); }

int64_t cipc_map_shared(int32_t descriptor, size_t count, void **address) {
    void *mapped = mmap(0, count, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (mapped == MAP_FAILED) return -errno;
    *address = mapped;
    return 0;
}

int32_t cipc_unmap(void *address, size_t count) { return RESULT(munmap(address, count)); }

int64_t cipc_read_at(int32_t descriptor, void *buffer, size_t count, uint64_t offset) {
    return RESULT(pread(descriptor, buffer, count, (off_t)offset));
}

void cipc_exit_process(int32_t status) { exit(status); }

void cipc_exit_process_at_once(int32_t status) { _exit(status); }
