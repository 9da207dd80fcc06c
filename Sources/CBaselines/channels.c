/// `*/channels/*`, `scale/*` and `pool/*`: one thread serves many sockets, each with one message on its way.
#include "cbase_message.h"
#include "cbase_process.h"
#include "cbase_work.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { events_per_wait = 256 };

struct channel {
    int socket;
    /// Bytes of the incoming message that are there.
    size_t filled;
    uint64_t sequence;
    uint64_t sent_at;
    char *incoming;
};

struct loop {
    struct channel *channels;
    char *incoming;
    char *outgoing;
    size_t count;
    size_t open;
    size_t bytes;
    int epoll;
    cbase_report *report;
};

static int loop_open(struct loop *loop, const int *sockets, size_t count, size_t bytes, cbase_report *report)
{
    *loop = (struct loop){.count = count, .open = count, .bytes = bytes, .report = report};
    loop->channels = calloc(count, sizeof *loop->channels);
    loop->incoming = malloc(count * bytes);
    loop->outgoing = malloc(bytes);
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!loop->channels || !loop->incoming || !loop->outgoing)
        return cbase_report_fail(report, "memory", ENOMEM);
    if (loop->epoll < 0)
        return cbase_report_fail(report, "epoll", errno);
    cbase_message_fill(loop->outgoing, bytes, 0);
    for (size_t index = 0; index < count; index++) {
        loop->channels[index] = (struct channel){.socket = sockets[index], .incoming = loop->incoming + index * bytes};
        struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = index};
        if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, sockets[index], &event) < 0)
            return cbase_report_fail(report, "epoll_ctl", errno);
    }
    return 0;
}

static void loop_close(struct loop *loop)
{
    free(loop->channels);
    free(loop->incoming);
    free(loop->outgoing);
    if (loop->epoll >= 0)
        close(loop->epoll);
}

/// Sends a message. One at a time always fits, so a short send is a failure.
static int send_message(struct loop *loop, struct channel *channel, const void *message)
{
    const ssize_t count = send(channel->socket, message, loop->bytes, MSG_NOSIGNAL);
    if (count != (ssize_t)loop->bytes)
        return cbase_report_fail(loop->report, "send", count < 0 ? errno : EMSGSIZE);
    loop->report->sent++;
    return 0;
}

/// Reads towards one message: 1 when it is whole, 0 when it is not yet or the channel has ended.
static int receive_message(struct loop *loop, struct channel *channel)
{
    while (channel->filled < loop->bytes) {
        char *const rest = channel->incoming + channel->filled;
        const ssize_t count = recv(channel->socket, rest, loop->bytes - channel->filled, 0);
        if (count > 0) {
            channel->filled += (size_t)count;
        } else if (count == 0) {
            close(channel->socket);
            loop->open--;
            return channel->filled == 0 ? 0 : cbase_report_fail(loop->report, "a message cut at the end", EPROTO);
        } else if (errno == EAGAIN) {
            return 0;
        } else if (errno != EINTR) {
            return cbase_report_fail(loop->report, "receive", errno);
        }
    }
    channel->filled = 0;
    loop->report->received++;
    return 1;
}

/// Waits and gives each channel that has a whole message to `serve`, with the context.
static int serve_events(struct loop *loop, int (*serve)(struct loop *, struct channel *, void *), void *context)
{
    struct epoll_event events[events_per_wait];
    const int count = epoll_wait(loop->epoll, events, events_per_wait, -1);
    if (count < 0)
        return errno == EINTR ? 0 : cbase_report_fail(loop->report, "epoll_wait", errno);
    for (int index = 0; index < count; index++) {
        struct channel *channel = &loop->channels[events[index].data.u64];
        int result = receive_message(loop, channel);
        if (result > 0)
            result = serve(loop, channel, context);
        if (result < 0)
            return result;
    }
    return 0;
}

static int serve_echo(struct loop *loop, struct channel *channel, void *context)
{
    (void)context;
    return send_message(loop, channel, channel->incoming);
}

int cbase_channels_echo(const int *sockets, size_t count, cbase_plan plan, cbase_report *report)
{
    struct loop loop;
    int result = loop_open(&loop, sockets, count, plan.bytes, report);
    while (result == 0 && loop.open > 0)
        result = serve_events(&loop, serve_echo, NULL);
    loop_close(&loop);
    return result;
}

struct trips {
    cbase_samples samples;
    uint64_t duration;
    uint64_t end;
    /// Trips still to make before the clock starts.
    uint64_t warm_up;
    size_t waiting;
    _Bool finishing;
};

static int start_trip(struct loop *loop, struct channel *channel, struct trips *trips, uint64_t now)
{
    cbase_message_stamp(loop->outgoing, loop->bytes, channel->sequence);
    channel->sent_at = now;
    trips->waiting++;
    return send_message(loop, channel, loop->outgoing);
}

static int serve_reply(struct loop *loop, struct channel *channel, void *context)
{
    struct trips *trips = context;
    if (!cbase_message_is(channel->incoming, loop->bytes, channel->sequence))
        return cbase_report_fail(loop->report, "the bytes that came back", EBADMSG);
    channel->sequence++;
    trips->waiting--;
    if (trips->finishing)
        return 0;
    const uint64_t now = cbase_now();
    if (trips->warm_up > 0) {
        if (--trips->warm_up == 0) {
            loop->report->started_ns = now;
            trips->end = now + trips->duration;
        }
    } else {
        cbase_samples_add(&trips->samples, now - channel->sent_at);
        loop->report->measured++;
        if (now >= trips->end) {
            loop->report->ended_ns = now;
            trips->finishing = 1;
            return 0;
        }
    }
    return start_trip(loop, channel, trips, now);
}

static int make_trips(struct loop *loop, struct trips *trips)
{
    for (size_t index = 0; index < loop->count; index++) {
        const int result = start_trip(loop, &loop->channels[index], trips, cbase_now());
        if (result < 0)
            return result;
    }
    while (trips->waiting > 0) {
        const int result = serve_events(loop, serve_reply, trips);
        if (result < 0)
            return result;
    }
    for (size_t index = 0; index < loop->count; index++)
        close(loop->channels[index].socket);
    return 0;
}

int cbase_channels_initiator(const int *sockets, size_t count, cbase_plan plan, cbase_report *report)
{
    struct loop loop;
    struct trips trips = {.duration = plan.duration_ns};
    trips.warm_up = count > cbase_warm_up_trips ? count : cbase_warm_up_trips;
    int result = loop_open(&loop, sockets, count, plan.bytes, report);
    if (result == 0 && cbase_samples_open(&trips.samples, cbase_sample_capacity) < 0)
        result = cbase_report_fail(report, "memory", ENOMEM);
    if (result == 0)
        result = make_trips(&loop, &trips);
    report->p50_ns = cbase_samples_percentile(&trips.samples, 50);
    report->p99_ns = cbase_samples_percentile(&trips.samples, 99);
    cbase_samples_close(&trips.samples);
    loop_close(&loop);
    return result;
}
