#include "stream.h"

static int open_epoll(int descriptor, uint32_t events)
{
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0)
        return -errno;
    struct epoll_event event = {.events = events | EPOLLET, .data.fd = descriptor};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) < 0) {
        const int error = errno;
        close(epoll);
        return -error;
    }
    return epoll;
}

int stream_open(struct stream *stream, cbase_link link)
{
    stream->link = link;
    stream->write_epoll = -1;
    stream->read_epoll = open_epoll(link.reader, EPOLLIN);
    return stream->read_epoll < 0 ? stream->read_epoll : 0;
}

void stream_finish(struct stream *stream)
{
    if (stream->link.is_datagram) {
        send(stream->link.writer, "", 0, MSG_NOSIGNAL);
    } else if (stream->link.is_socket) {
        shutdown(stream->link.writer, SHUT_WR);
    } else if (stream->link.writer >= 0) {
        close(stream->link.writer);
        stream->link.writer = -1;
    }
}

void stream_close(struct stream *stream)
{
    stream_finish(stream);
    close(stream->link.reader);
    close(stream->read_epoll);
    if (stream->write_epoll >= 0)
        close(stream->write_epoll);
}

int stream_wait(int epoll)
{
    struct epoll_event event;
    return epoll_wait(epoll, &event, 1, -1) < 0 && errno != EINTR ? -errno : 0;
}

int stream_wait_for_room(struct stream *stream)
{
    if (stream->write_epoll < 0) {
        stream->write_epoll = open_epoll(stream->link.writer, EPOLLOUT);
        if (stream->write_epoll < 0)
            return stream->write_epoll;
    }
    return stream_wait(stream->write_epoll);
}
