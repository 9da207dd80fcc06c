// Starting a program. Between clone and exec the child shares this process's memory, so what runs there is C that makes
// raw system calls and nothing else: no allocation, no lock of libc, no runtime.
#ifndef CIPC_SPAWN_H
#define CIPC_SPAWN_H

#include "cipc_types.h"

/// One descriptor that the child keeps: `source` here becomes `target` there.
typedef struct cipc_spawn_descriptor {
    int32_t source;
    int32_t target;
} cipc_spawn_descriptor;

/// One resource limit, as prlimit(2) takes it.
typedef struct cipc_spawn_limit {
    int32_t resource;
    uint64_t soft;
    uint64_t hard;
} cipc_spawn_limit;

/// What the child was doing when it failed.
enum {
    CIPC_SPAWN_CLONE = 1,
    CIPC_SPAWN_PARENT_DEATH = 2,
    CIPC_SPAWN_GROUP = 3,
    CIPC_SPAWN_PRIORITY = 4,
    CIPC_SPAWN_DIRECTORY = 5,
    CIPC_SPAWN_DESCRIPTOR = 6,
    CIPC_SPAWN_LIMIT = 7,
    CIPC_SPAWN_EXECUTE = 8,
    CIPC_SPAWN_PROCESSORS = 9,
};

/// `process_group` values.
#define CIPC_SPAWN_GROUP_INHERITED (-1)
#define CIPC_SPAWN_GROUP_OWN 0
#define CIPC_SPAWN_SESSION (-2)

/// Everything that the child needs, laid out before it exists.
typedef struct cipc_spawn_request {
    /// The paths to try in turn, ended by null; ignored where `executable` is a descriptor.
    const char *_Nullable const *_Nonnull paths;
    /// An open executable to run, or -1.
    int32_t executable;
    char *_Nullable const *_Nonnull arguments;
    char *_Nullable const *_Nonnull environment;
    /// Null: the directory of this process.
    const char *_Nullable directory;
    /// No target twice. The child overwrites the sources in place; this process's array is its scratch memory.
    cipc_spawn_descriptor *_Nullable descriptors;
    int32_t descriptor_count;
    const cipc_spawn_limit *_Nullable limits;
    int32_t limit_count;
    int32_t process_group;
    /// 0: none.
    int32_t parent_death_signal;
    /// A nice value, or INT32_MIN to inherit.
    int32_t niceness;
    /// A file mode creation mask, or -1 to inherit.
    int32_t creation_mask;
    /// The processors that it may run on, a bit for each, or null to inherit.
    const uint64_t *_Nullable processors;
    /// How many words that is.
    int32_t processor_word_count;
} cipc_spawn_request;

typedef struct cipc_spawn_outcome {
    int32_t process;
    int32_t pidfd;
    /// On failure, one of CIPC_SPAWN_..., and which descriptor, limit or path of the request it was.
    int32_t step;
    int32_t index;
} cipc_spawn_outcome;

/// Starts a program and returns when it runs (0) or could not be started (-errno, nothing left behind). Blocks the
/// calling thread until the exec is done; the parent-death signal fires when *that thread* exits.
int32_t cipc_spawn(const cipc_spawn_request *_Nonnull request, cipc_spawn_outcome *_Nonnull outcome);

/// How a child ended: `code` is CLD_EXITED (1), CLD_KILLED (2) or CLD_DUMPED (3); 0 while it runs.
typedef struct cipc_exit {
    int32_t code;
    int32_t status;
} cipc_exit;

/// waitid(2) on a pidfd, without waiting. `keep` leaves the child a zombie for a later call.
int32_t cipc_reap(int32_t pidfd, int32_t keep, cipc_exit *_Nonnull result);

/// PIDFD_GET_INFO: how a child ended that somebody else reaped. -ENODATA while it is not known, another error where the
/// kernel (before 6.15) cannot tell.
int32_t cipc_exit_information(int32_t pidfd, cipc_exit *_Nonnull result);

/// pidfd_send_signal(2), to the process or (Linux 6.9, -EINVAL before) to the group that it leads or led.
int32_t cipc_pidfd_signal(int32_t pidfd, int32_t signal, int32_t whole_group);

/// kill(2). A negative `process` is a group.
int32_t cipc_kill(int32_t process, int32_t signal);

/// The environment of this process, ended by null, or null. Not to be read while another thread changes it.
char *_Nullable *_Nullable cipc_environment(void);
size_t cipc_string_length(const char *_Nonnull string);
int32_t cipc_unset_environment(const char *_Nonnull name);

#endif
