// What pipes and FIFOs need beside read and write: moving bytes in the kernel, looking without waiting, and hearing of
// who opens a file.
#ifndef CIPC_PIPE_H
#define CIPC_PIPE_H

#include "cipc_types.h"

/// splice(2) without waiting for the pipes, and without SIGPIPE whatever its disposition.
long cipc_splice(int32_t from, int32_t to, size_t count, int32_t more);
/// tee(2) without waiting, and without SIGPIPE whatever its disposition.
long cipc_tee(int32_t from, int32_t to, size_t count);

#define CIPC_POLL_READABLE 0x1
#define CIPC_POLL_WRITABLE 0x4
#define CIPC_POLL_ERROR 0x8
#define CIPC_POLL_HUNG_UP 0x10

/// poll(2) of one descriptor with no time-out: what is ready now, as CIPC_POLL bits.
int32_t cipc_poll_now(int32_t descriptor, int32_t events);

/// inotify(7): a non-blocking, close-on-exec descriptor that becomes readable when somebody opens the file at `path`, or
/// when its link count or name changes.
int32_t cipc_watch_opens(const char *_Nonnull path);

#endif
