/// `signal/rtt/…` and `signal/stream/…`.
#include "cbase_signal.h"
#include "cbase_message.h"
#include "cbase_process.h"
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

/// The value behind the last number.
enum { end_value = -1 };
enum { batch = 32 };

struct link {
    pid_t peer;
    int number;
    int descriptor;
    int epoll;
    struct signalfd_siginfo found[batch];
    size_t count, next;
};

static int exchange_numbers(int socket, pid_t *peer)
{
    const pid_t own = getpid();
    struct pollfd asked = {.fd = socket, .events = POLLIN};
    if (write(socket, &own, sizeof own) != sizeof own)
        return -errno;
    if (poll(&asked, 1, 5000) <= 0)
        return -ETIMEDOUT;
    return read(socket, peer, sizeof *peer) == sizeof *peer ? 0 : -EPIPE;
}

static int link_open(struct link *link, int socket)
{
    sigset_t set;
    link->number = SIGRTMIN + 3;
    link->count = link->next = 0;
    sigemptyset(&set);
    sigaddset(&set, link->number);
    sigprocmask(SIG_BLOCK, &set, NULL);
    link->descriptor = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    link->epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    if (link->descriptor < 0 || link->epoll < 0 ||
        epoll_ctl(link->epoll, EPOLL_CTL_ADD, link->descriptor, &event) < 0)
        return -errno;
    // Once the signal is blocked: from now on the peer may send.
    return exchange_numbers(socket, &link->peer);
}

static int link_send(struct link *link, int32_t value)
{
    while (sigqueue(link->peer, link->number, (union sigval){.sival_int = value}) < 0) {
        if (errno != EAGAIN)
            return -errno;
        sched_yield();
    }
    return 0;
}

static int link_receive(struct link *link, int32_t *value)
{
    while (link->next == link->count) {
        const ssize_t count = read(link->descriptor, link->found, sizeof link->found);
        if (count > 0) {
            link->count = (size_t)count / sizeof link->found[0];
            link->next = 0;
            break;
        }
        struct epoll_event event;
        if (count < 0 && errno != EAGAIN && errno != EINTR)
            return -errno;
        if (epoll_wait(link->epoll, &event, 1, 10000) == 0)
            return -ETIMEDOUT;
    }
    *value = link->found[link->next++].ssi_int;
    return 0;
}

static int make_trip(struct link *link, int32_t number, cbase_report *report)
{
    int32_t answer;
    int result = link_send(link, number);
    if (result < 0)
        return cbase_report_fail(report, "sigqueue", result);
    report->sent++;
    result = link_receive(link, &answer);
    if (result < 0)
        return cbase_report_fail(report, "signalfd", result);
    if (answer != number)
        return cbase_report_fail(report, "the number that came back", EBADMSG);
    report->received++;
    return 0;
}

static int initiate(struct link *link, cbase_plan plan, cbase_report *report)
{
    cbase_samples samples;
    int32_t number = 0;
    int result = cbase_samples_open(&samples, cbase_sample_capacity);
    if (result < 0)
        return cbase_report_fail(report, "memory", result);
    while (number < cbase_warm_up_trips && result == 0)
        result = make_trip(link, number++, report);
    report->started_ns = cbase_now();
    const uint64_t end = report->started_ns + plan.duration_ns;
    uint64_t before = report->started_ns;
    while (result == 0 && before < end) {
        result = make_trip(link, number++, report);
        const uint64_t now = cbase_now();
        cbase_samples_add(&samples, now - before);
        before = now;
        report->measured++;
    }
    report->ended_ns = before;
    link_send(link, end_value);
    report->p50_ns = cbase_samples_percentile(&samples, 50);
    report->p99_ns = cbase_samples_percentile(&samples, 99);
    cbase_samples_close(&samples);
    return result;
}

static int echo(struct link *link, cbase_report *report)
{
    for (;;) {
        int32_t number;
        int result = link_receive(link, &number);
        if (result < 0)
            return cbase_report_fail(report, "signalfd", result);
        if (number == end_value)
            return 0;
        report->received++;
        result = link_send(link, number);
        if (result < 0)
            return cbase_report_fail(report, "sigqueue", result);
        report->sent++;
    }
}

int cbase_signal_rtt(int socket, _Bool initiates, cbase_plan plan, cbase_report *report)
{
    struct link link;
    const int result = link_open(&link, socket);
    if (result < 0)
        return cbase_report_fail(report, "meeting the other process", result);
    return initiates ? initiate(&link, plan, report) : echo(&link, report);
}

int cbase_signal_stream(int socket, _Bool sends, cbase_plan plan, cbase_report *report)
{
    struct link link;
    int result = link_open(&link, socket);
    if (result < 0)
        return cbase_report_fail(report, "meeting the other process", result);
    report->started_ns = cbase_now();
    if (sends) {
        const uint64_t end = report->started_ns + plan.duration_ns;
        int32_t number = 0;
        while (result == 0 && (number % 64 != 0 || cbase_now() < end))
            result = link_send(&link, number++);
        report->sent = report->measured = (uint64_t)number;
        if (result == 0)
            result = link_send(&link, end_value);
        return result < 0 ? cbase_report_fail(report, "sigqueue", result) : 0;
    }
    for (;;) {
        int32_t number;
        result = link_receive(&link, &number);
        if (result < 0)
            return cbase_report_fail(report, "signalfd", result);
        if (number == end_value)
            break;
        if (number != (int32_t)report->received)
            return cbase_report_fail(report, "the order of the numbers", EBADMSG);
        report->received++;
    }
    report->measured = report->received;
    report->ended_ns = cbase_now();
    return 0;
}
