/// `idle/*`: sockets on which nothing happens, registered with epoll.
#include "cbase_process.h"
#include "cbase_work.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

/// What a program in C keeps for each channel.
struct idle_channel {
    int socket;
};

/// Registers the sockets, each with a state of its own on the heap; returns the epoll instance.
static int watch_all(const int *sockets, struct idle_channel **channels, size_t count)
{
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0)
        return -errno;
    for (size_t index = 0; index < count; index++) {
        channels[index] = malloc(sizeof *channels[index]);
        if (!channels[index])
            return -ENOMEM;
        channels[index]->socket = sockets[index];
        struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = channels[index]};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, sockets[index], &event) < 0)
            return -errno;
    }
    return epoll;
}

static void forget_all(int epoll, struct idle_channel **channels, size_t count)
{
    close(epoll);
    for (size_t index = 0; index < count; index++)
        free(channels[index]);
    free(channels);
}

int cbase_idle_resident(const int *sockets, size_t count, cbase_report *report)
{
    const uint64_t started = cbase_now();
    struct idle_channel **channels = calloc(count, sizeof *channels);
    if (!channels)
        return cbase_report_fail(report, "memory", ENOMEM);
    // Asked twice: the first time brings in what reading the figure itself needs.
    cbase_resident_bytes();
    const long before = cbase_resident_bytes();
    const int epoll = watch_all(sockets, channels, count);
    if (epoll < 0)
        return cbase_report_fail(report, "epoll", epoll);
    const long after = cbase_resident_bytes();
    forget_all(epoll, channels, count);
    if (before < 0 || after < 0)
        return cbase_report_fail(report, "smaps_rollup", before < 0 ? (int)before : (int)after);
    report->figure = (double)(after - before) / (double)count;
    report->measured = count;
    report->started_ns = started;
    report->ended_ns = cbase_now();
    return 0;
}

int cbase_idle_processor_time(const int *sockets, size_t count, cbase_plan plan, cbase_report *report)
{
    struct idle_channel **channels = calloc(count, sizeof *channels);
    if (!channels)
        return cbase_report_fail(report, "memory", ENOMEM);
    const int epoll = watch_all(sockets, channels, count);
    if (epoll < 0)
        return cbase_report_fail(report, "epoll", epoll);
    report->started_ns = cbase_now();
    const uint64_t used = cbase_processor_time();
    struct epoll_event event;
    const int events = epoll_wait(epoll, &event, 1, (int)(plan.duration_ns / 1000000));
    report->figure = (double)(cbase_processor_time() - used);
    report->ended_ns = cbase_now();
    report->measured = count;
    forget_all(epoll, channels, count);
    return events == 0 ? 0 : cbase_report_fail(report, "an event on an idle channel", EPROTO);
}

int cbase_idle_hold(const int *sockets, size_t count, cbase_report *report)
{
    for (size_t index = 0; index < count; index++) {
        char byte;
        struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP};
        const int epoll = epoll_create1(EPOLL_CLOEXEC);
        if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, sockets[index], &event) < 0)
            return cbase_report_fail(report, "epoll", errno);
        while (epoll_wait(epoll, &event, 1, -1) < 0 && errno == EINTR) {
        }
        close(epoll);
        if (read(sockets[index], &byte, 1) > 0)
            return cbase_report_fail(report, "a message on an idle channel", EBADMSG);
        close(sockets[index]);
    }
    return 0;
}
