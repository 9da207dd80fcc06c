#include "CIPC.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

#define RESULT(call) ({ long _result = (call); _result < 0 ? -errno : _result; })

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

#ifndef SHM_STAT_ANY
#define SHM_STAT_ANY 15
#endif

const int32_t cipc_seal_seal = F_SEAL_SEAL, cipc_seal_shrink = F_SEAL_SHRINK, cipc_seal_grow = F_SEAL_GROW,
              cipc_seal_write = F_SEAL_WRITE, cipc_seal_future_write = F_SEAL_FUTURE_WRITE;

int32_t cipc_memory_file(const char *name, int32_t sealable, int32_t huge) {
    unsigned flags = MFD_CLOEXEC | (sealable ? MFD_ALLOW_SEALING : 0) | (huge ? MFD_HUGETLB : 0);
    return RESULT(memfd_create(name, flags));
}

int32_t cipc_add_seals(int32_t descriptor, int32_t seals) { return RESULT(fcntl(descriptor, F_ADD_SEALS, seals)); }

int32_t cipc_get_seals(int32_t descriptor) { return RESULT(fcntl(descriptor, F_GET_SEALS)); }

int32_t cipc_allocate(int32_t descriptor, uint64_t offset, uint64_t size) {
    // A file system in memory gives up at any signal and undoes what it has done: with a timer it would never end.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int result = posix_fallocate(descriptor, (off_t)offset, (off_t)size);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -result;
}

int64_t cipc_map(int32_t descriptor, uint64_t offset, size_t count, int32_t writable, int32_t is_private,
                 int32_t populate, size_t private_below, void **address) {
    int protection = PROT_READ | (writable ? PROT_WRITE : 0);
    int flags = (is_private ? MAP_PRIVATE : MAP_SHARED) | (populate ? MAP_POPULATE : 0);
    if (!private_below) {
        void *mapped = mmap(NULL, count, protection, flags, descriptor, (off_t)offset);
        if (mapped == MAP_FAILED) return -errno;
        *address = mapped;
        return 0;
    }
    size_t page = cipc_page_size();
    size_t whole = private_below + (count + page - 1) / page * page;
    char *reserved =
        mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (reserved == MAP_FAILED) return -errno;
    void *mapped = mmap(reserved + private_below, count, protection, flags | MAP_FIXED, descriptor, (off_t)offset);
    if (mapped == MAP_FAILED) {
        int error = errno;
        munmap(reserved, whole);
        return -error;
    }
    *address = mapped;
    return 0;
}

int32_t cipc_unmap_all(void *address, size_t count, size_t private_below) {
    size_t page = cipc_page_size();
    return RESULT(munmap((char *)address - private_below, private_below + (count + page - 1) / page * page));
}

int32_t cipc_flush(void *address, size_t count) { return RESULT(msync(address, count, MS_SYNC)); }

int32_t cipc_lock_memory(const void *address, size_t count) { return RESULT(mlock(address, count)); }

int32_t cipc_advise_huge_pages(void *address, size_t count) {
    return RESULT(madvise(address, count, MADV_HUGEPAGE));
}

int32_t cipc_populate(void *address, size_t count, int32_t writable) {
    return RESULT(madvise(address, count, writable ? MADV_POPULATE_WRITE : MADV_POPULATE_READ));
}

size_t cipc_page_size(void) { return (size_t)sysconf(_SC_PAGESIZE); }

int32_t cipc_segment_get(int32_t key, size_t count, int32_t create, int32_t exclusive, uint32_t mode) {
    int flags = (create ? IPC_CREAT : 0) | (exclusive ? IPC_EXCL : 0) | (int)(mode & 0777);
    return RESULT(shmget(key, count, flags));
}

int64_t cipc_segment_attach(int32_t segment, int32_t read_only, void **address) {
    void *attached = shmat(segment, NULL, read_only ? SHM_RDONLY : 0);
    if (attached == (void *)-1) return -errno;
    *address = attached;
    return 0;
}

int32_t cipc_segment_detach(const void *address) { return RESULT(shmdt(address)); }

int32_t cipc_segment_remove(int32_t segment) { return RESULT(shmctl(segment, IPC_RMID, NULL)); }

int32_t cipc_key_of_path(const char *path, int32_t project, int32_t *key) {
    key_t found = ftok(path, project);
    if (found == -1) return -errno;
    *key = found;
    return 0;
}

static void convert(int32_t segment, const struct shmid_ds *from, cipc_segment_status *to) {
    to->key = from->shm_perm.__key;
    to->segment = segment;
    to->byte_count = from->shm_segsz;
    to->owner = from->shm_perm.uid;
    to->creator = from->shm_perm.cuid;
    to->mode = from->shm_perm.mode & 0777;
    to->creator_process = from->shm_cpid;
    to->last_process = from->shm_lpid;
    to->attachments = from->shm_nattch;
    to->is_marked_for_removal = (from->shm_perm.mode & SHM_DEST) != 0;
}

int32_t cipc_segment_stat(int32_t segment, cipc_segment_status *status) {
    struct shmid_ds found;
    if (shmctl(segment, IPC_STAT, &found) < 0) return -errno;
    convert(segment, &found, status);
    return 0;
}

int32_t cipc_segment_stat_index(int32_t index, cipc_segment_status *status) {
    struct shmid_ds found;
    int segment = shmctl(index, SHM_STAT_ANY, &found);
    if (segment < 0) return -errno;
    convert(segment, &found, status);
    return segment;
}

int32_t cipc_segment_highest_index(void) {
    struct shm_info info;
    return RESULT(shmctl(0, SHM_INFO, (struct shmid_ds *)&info));
}
