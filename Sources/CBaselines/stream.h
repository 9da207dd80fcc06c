/// One side of a byte stream with the epoll instances that it waits in. Internal to the baselines.
#ifndef CBASE_STREAM_H
#define CBASE_STREAM_H

#include "cbase_work.h"
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct stream {
    cbase_link link;
    /// Holds the reader, edge-triggered.
    int read_epoll;
    /// Holds the writer from the first write on that would block; a socket that never fills pays nothing for it.
    int write_epoll;
};

int stream_open(struct stream *stream, cbase_link link);

/// Says that nothing more comes from this side.
void stream_finish(struct stream *stream);

void stream_close(struct stream *stream);

/// Waits for an edge on a descriptor that `epoll` holds.
int stream_wait(int epoll);

/// Waits until the writer may take more.
int stream_wait_for_room(struct stream *stream);

static inline ssize_t stream_try_read(const struct stream *stream, void *bytes, size_t count)
{
    return stream->link.is_socket ? recv(stream->link.reader, bytes, count, 0)
                                  : read(stream->link.reader, bytes, count);
}

static inline ssize_t stream_try_write(const struct stream *stream, const void *bytes, size_t count)
{
    return stream->link.is_socket ? send(stream->link.writer, bytes, count, MSG_NOSIGNAL)
                                  : write(stream->link.writer, bytes, count);
}

/// Reads what there is, waiting if there is nothing: the count, 0 at the end, or a negative errno.
static inline ssize_t stream_read(struct stream *stream, void *bytes, size_t count)
{
    for (;;) {
        const ssize_t result = stream_try_read(stream, bytes, count);
        if (result >= 0)
            return result;
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN)
            return -errno;
        const int waited = stream_wait(stream->read_epoll);
        if (waited < 0)
            return waited;
    }
}

/// Reads exactly `count` bytes: 1, 0 if the stream has ended before the first, -EPROTO if after it.
static inline int stream_read_whole(struct stream *stream, void *bytes, size_t count)
{
    size_t done = 0;
    while (done < count) {
        const ssize_t result = stream_read(stream, (char *)bytes + done, count - done);
        if (result < 0)
            return (int)result;
        if (result == 0)
            return done == 0 ? 0 : -EPROTO;
        done += (size_t)result;
    }
    return 1;
}

/// Writes exactly `count` bytes.
static inline int stream_write_whole(struct stream *stream, const void *bytes, size_t count)
{
    size_t done = 0;
    while (done < count) {
        const ssize_t result = stream_try_write(stream, (const char *)bytes + done, count - done);
        if (result >= 0) {
            done += (size_t)result;
        } else if (errno == EAGAIN) {
            const int waited = stream_wait_for_room(stream);
            if (waited < 0)
                return waited;
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return 0;
}

#endif
