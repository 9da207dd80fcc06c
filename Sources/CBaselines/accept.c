/// `accept/rate`: connect, one message, close. The client waits for the server to close before it connects again.
#include "cbase_message.h"
#include "cbase_process.h"
#include "cbase_work.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { events_per_wait = 64 };

/// The sequence number of the message that ends the server.
static const uint64_t last_sequence = UINT64_MAX;

static int make_address(struct sockaddr_un *address, const char *path)
{
    if (strlen(path) >= sizeof address->sun_path)
        return -ENAMETOOLONG;
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    strcpy(address->sun_path, path);
    return 0;
}

int cbase_accept_open(const char *path)
{
    struct sockaddr_un address;
    const int named = make_address(&address, path);
    if (named < 0)
        return named;
    const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0)
        return -errno;
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, SOMAXCONN) < 0) {
        const int error = errno;
        close(listener);
        return -error;
    }
    return listener;
}

/// A connection that has been accepted and whose message is not whole yet.
struct connection {
    int socket;
    size_t filled;
    char message[];
};

struct server {
    int listener;
    int epoll;
    size_t bytes;
    _Bool is_over;
    cbase_report *report;
};

static void close_connection(struct connection *connection)
{
    close(connection->socket);
    free(connection);
}

static int take_message(struct server *server, const char *message)
{
    if (cbase_message_sequence(message) == last_sequence) {
        server->is_over = 1;
        return 0;
    }
    if (!cbase_message_is(message, server->bytes, server->report->received))
        return cbase_report_fail(server->report, "the bytes that arrived", EBADMSG);
    server->report->received++;
    return 0;
}

/// Reads on: 1 when the connection is done with and closed, 0 when more has to come.
static int serve_connection(struct server *server, struct connection *connection)
{
    while (connection->filled < server->bytes) {
        const ssize_t count =
            recv(connection->socket, connection->message + connection->filled, server->bytes - connection->filled, 0);
        if (count > 0) {
            connection->filled += (size_t)count;
        } else if (count < 0 && errno == EAGAIN) {
            return 0;
        } else if (count == 0 || errno != EINTR) {
            const int error = count == 0 ? EPROTO : errno;
            close_connection(connection);
            return cbase_report_fail(server->report, "receive", error);
        }
    }
    const int result = take_message(server, connection->message);
    close_connection(connection);
    return result < 0 ? result : 1;
}

static int watch(struct server *server, int descriptor, void *owner)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = owner};
    if (epoll_ctl(server->epoll, EPOLL_CTL_ADD, descriptor, &event) < 0)
        return cbase_report_fail(server->report, "epoll_ctl", errno);
    return 0;
}

static int accept_all(struct server *server)
{
    for (;;) {
        const int socket = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (socket < 0 && errno == EINTR)
            continue;
        if (socket < 0)
            return errno == EAGAIN ? 0 : cbase_report_fail(server->report, "accept4", errno);
        struct connection *connection = malloc(sizeof *connection + server->bytes);
        if (!connection)
            return cbase_report_fail(server->report, "memory", ENOMEM);
        *connection = (struct connection){.socket = socket};
        int result = serve_connection(server, connection);
        if (result == 0)
            result = watch(server, socket, connection);
        if (result < 0)
            return result;
    }
}

static int serve_events(struct server *server)
{
    struct epoll_event events[events_per_wait];
    const int count = epoll_wait(server->epoll, events, events_per_wait, -1);
    if (count < 0)
        return errno == EINTR ? 0 : cbase_report_fail(server->report, "epoll_wait", errno);
    for (int index = 0; index < count; index++) {
        struct connection *connection = events[index].data.ptr;
        const int result = connection ? serve_connection(server, connection) : accept_all(server);
        if (result < 0)
            return result;
    }
    return 0;
}

int cbase_accept_server(int listener, cbase_plan plan, cbase_report *report)
{
    struct server server = {.listener = listener, .bytes = plan.bytes, .report = report};
    server.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (server.epoll < 0)
        return cbase_report_fail(report, "epoll", errno);
    int result = watch(&server, listener, NULL);
    while (result == 0 && !server.is_over)
        result = serve_events(&server);
    close(server.epoll);
    close(listener);
    return result;
}

/// Waits until the server closes: one descriptor, once, for which poll(2) is the cheaper wait.
static int wait_for_close(int socket)
{
    char byte;
    for (;;) {
        const ssize_t count = recv(socket, &byte, 1, 0);
        if (count >= 0)
            return count == 0 ? 0 : -EPROTO;
        if (errno == ECONNRESET)
            return 0;
        if (errno != EAGAIN && errno != EINTR)
            return -errno;
        struct pollfd entry = {.fd = socket, .events = POLLIN};
        if (poll(&entry, 1, -1) < 0 && errno != EINTR)
            return -errno;
    }
}

static int visit(const struct sockaddr_un *address, const char *message, size_t bytes, cbase_report *report)
{
    const int socket_ = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (socket_ < 0)
        return cbase_report_fail(report, "socket", errno);
    int result = 0;
    if (connect(socket_, (const struct sockaddr *)address, sizeof *address) < 0)
        result = cbase_report_fail(report, "connect", errno);
    else if (send(socket_, message, bytes, MSG_NOSIGNAL) != (ssize_t)bytes)
        result = cbase_report_fail(report, "send", errno);
    else if ((result = wait_for_close(socket_)) < 0)
        result = cbase_report_fail(report, "waiting for the server to close", result);
    close(socket_);
    return result;
}

static int visit_for(const struct sockaddr_un *address, char *message, cbase_plan plan, cbase_samples *samples,
                     cbase_report *report)
{
    report->started_ns = cbase_now();
    const uint64_t end = report->started_ns + plan.duration_ns;
    uint64_t before = report->started_ns;
    do {
        cbase_message_stamp(message, plan.bytes, report->sent);
        const int result = visit(address, message, plan.bytes, report);
        if (result < 0)
            return result;
        report->sent++;
        const uint64_t now = cbase_now();
        cbase_samples_add(samples, now - before);
        before = now;
    } while (before < end);
    report->ended_ns = before;
    report->measured = report->sent;
    cbase_message_stamp(message, plan.bytes, last_sequence);
    return visit(address, message, plan.bytes, report);
}

int cbase_accept_client(const char *path, cbase_plan plan, cbase_report *report)
{
    struct sockaddr_un address;
    const int named = make_address(&address, path);
    if (named < 0)
        return cbase_report_fail(report, "path", named);
    cbase_samples samples;
    char *message = malloc(plan.bytes);
    int result = cbase_samples_open(&samples, cbase_sample_capacity);
    if (result == 0 && message) {
        cbase_message_fill(message, plan.bytes, 0);
        result = visit_for(&address, message, plan, &samples, report);
        report->p50_ns = cbase_samples_percentile(&samples, 50);
        report->p99_ns = cbase_samples_percentile(&samples, 99);
    } else {
        result = cbase_report_fail(report, "memory", ENOMEM);
    }
    cbase_samples_close(&samples);
    free(message);
    return result;
}
