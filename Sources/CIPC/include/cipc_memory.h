// Mapped memory: files, anonymous memory, System V segments; their sizes, seals and advice.
#ifndef CIPC_MEMORY_H
#define CIPC_MEMORY_H

#include "cipc_types.h"

extern const int32_t cipc_seal_seal, cipc_seal_shrink, cipc_seal_grow, cipc_seal_write, cipc_seal_future_write;

/// memfd_create(2), close-on-exec; `sealable`: with sealing allowed; `huge`: of huge pages.
int32_t cipc_memory_file(const char *_Nonnull name, int32_t sealable, int32_t huge);
/// fcntl(2) F_ADD_SEALS.
int32_t cipc_add_seals(int32_t descriptor, int32_t seals);
/// fcntl(2) F_GET_SEALS.
int32_t cipc_get_seals(int32_t descriptor);
/// posix_fallocate(3): the size becomes at least `offset` + `size`, and the room from `offset` on is there.
int32_t cipc_allocate(int32_t descriptor, uint64_t offset, uint64_t size);

/// mmap(2) of `count` bytes from `offset` on. `writable`: PROT_WRITE too; `is_private`: copy-on-write; `populate`:
/// MAP_POPULATE. `private_below` bytes of anonymous, private, zeroed memory lie right below the mapping: one
/// reservation, so that nothing else ever stands there.
int64_t cipc_map(int32_t descriptor, uint64_t offset, size_t count, int32_t writable, int32_t is_private,
                 int32_t populate, size_t private_below, void *_Nullable *_Nonnull address);
/// munmap(2) of a mapping of cipc_map with what lies below it.
int32_t cipc_unmap_all(void *_Nonnull address, size_t count, size_t private_below);
/// msync(2) with MS_SYNC.
int32_t cipc_flush(void *_Nonnull address, size_t count);
/// mlock(2).
int32_t cipc_lock_memory(const void *_Nonnull address, size_t count);
/// madvise(2) MADV_HUGEPAGE.
int32_t cipc_advise_huge_pages(void *_Nonnull address, size_t count);
/// madvise(2) MADV_POPULATE_WRITE or, for memory that is not writable, MADV_POPULATE_READ. EINVAL before Linux 5.14.
int32_t cipc_populate(void *_Nonnull address, size_t count, int32_t writable);
/// The size of a page in bytes.
size_t cipc_page_size(void);

/// shmget(2).
int32_t cipc_segment_get(int32_t key, size_t count, int32_t create, int32_t exclusive, uint32_t mode);
/// shmat(2).
int64_t cipc_segment_attach(int32_t segment, int32_t read_only, void *_Nullable *_Nonnull address);
/// shmdt(2).
int32_t cipc_segment_detach(const void *_Nonnull address);
/// shmctl(2) IPC_RMID.
int32_t cipc_segment_remove(int32_t segment);
/// ftok(3).
int32_t cipc_key_of_path(const char *_Nonnull path, int32_t project, int32_t *_Nonnull key);

typedef struct cipc_segment_status {
    int32_t key;
    int32_t segment;
    uint64_t byte_count;
    uint32_t owner;
    uint32_t creator;
    uint32_t mode;
    int32_t creator_process;
    int32_t last_process;
    uint64_t attachments;
    int32_t is_marked_for_removal;
} cipc_segment_status;

/// shmctl(2) IPC_STAT.
int32_t cipc_segment_stat(int32_t segment, cipc_segment_status *_Nonnull status);
/// shmctl(2) SHM_STAT_ANY of the table's entry `index`; the result is the segment's number.
int32_t cipc_segment_stat_index(int32_t index, cipc_segment_status *_Nonnull status);
/// shmctl(2) SHM_INFO: the highest index in use.
int32_t cipc_segment_highest_index(void);

#endif
