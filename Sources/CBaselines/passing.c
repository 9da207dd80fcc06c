/// `fd-pass/rtt/1`: a descriptor goes to the other process, which sends it back.
#include "cbase_message.h"
#include "cbase_process.h"
#include "stream.h"
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

static int send_descriptor(struct stream *stream, int descriptor)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof descriptor)];
    } space = {.header = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof descriptor)}};
    memcpy(CMSG_DATA(&space.header), &descriptor, sizeof descriptor);
    char byte = 1;
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    const struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &space, .msg_controllen = sizeof space};
    while (sendmsg(stream->link.writer, &message, MSG_NOSIGNAL) < 0) {
        const int waited = errno == EINTR ? 0 : errno == EAGAIN ? stream_wait_for_room(stream) : -errno;
        if (waited < 0)
            return waited;
    }
    return 0;
}

/// The descriptor that arrives, or -EPIPE at the end, or another negative errno.
static int receive_descriptor(struct stream *stream)
{
    for (;;) {
        union {
            struct cmsghdr header;
            char bytes[CMSG_SPACE(sizeof(int))];
        } space;
        char byte;
        struct iovec part = {.iov_base = &byte, .iov_len = 1};
        struct msghdr message = {
            .msg_iov = &part, .msg_iovlen = 1, .msg_control = &space, .msg_controllen = sizeof space};
        const ssize_t count = recvmsg(stream->link.reader, &message, MSG_CMSG_CLOEXEC);
        if (count == 0)
            return -EPIPE;
        if (count > 0) {
            const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
            if (byte != 1 || !header || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(sizeof(int)))
                return -EBADMSG;
            int descriptor;
            memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
            return descriptor;
        }
        const int waited = errno == EINTR ? 0 : errno == EAGAIN ? stream_wait(stream->read_epoll) : -errno;
        if (waited < 0)
            return waited;
    }
}

int cbase_open_marker(void)
{
    const int descriptor = memfd_create("ipcbench", MFD_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}

_Bool cbase_is_same_file(int left, int right)
{
    struct stat a, b;
    return fstat(left, &a) == 0 && fstat(right, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static int make_trip(struct stream *stream, int descriptor, cbase_report *report)
{
    const int sent = send_descriptor(stream, descriptor);
    if (sent < 0)
        return cbase_report_fail(report, "sendmsg", sent);
    const int returned = receive_descriptor(stream);
    if (returned < 0)
        return cbase_report_fail(report, "recvmsg", returned);
    const _Bool is_due = report->sent++ % cbase_body_check_interval == 0;
    const _Bool is_right = !is_due || cbase_is_same_file(descriptor, returned);
    close(returned);
    if (!is_right)
        return cbase_report_fail(report, "the descriptor that came back", EBADMSG);
    report->received++;
    return 0;
}

static int measure_trips(struct stream *stream, int descriptor, cbase_plan plan, cbase_samples *samples,
                         cbase_report *report)
{
    for (int trip = 0; trip < cbase_warm_up_trips; trip++) {
        const int result = make_trip(stream, descriptor, report);
        if (result < 0)
            return result;
    }
    report->started_ns = cbase_now();
    const uint64_t end = report->started_ns + plan.duration_ns;
    uint64_t before = report->started_ns;
    do {
        const int result = make_trip(stream, descriptor, report);
        if (result < 0)
            return result;
        const uint64_t now = cbase_now();
        cbase_samples_add(samples, now - before);
        before = now;
        report->measured++;
    } while (before < end);
    report->ended_ns = before;
    return 0;
}

int cbase_pass_initiator(int socket, cbase_plan plan, cbase_report *report)
{
    const int descriptor = cbase_open_marker();
    if (descriptor < 0)
        return cbase_report_fail(report, "memfd_create", descriptor);
    struct stream stream;
    cbase_samples samples;
    int result = stream_open(&stream, (cbase_link){.reader = socket, .writer = socket, .is_socket = 1});
    if (result < 0)
        return cbase_report_fail(report, "epoll", result);
    if (cbase_samples_open(&samples, cbase_sample_capacity) < 0)
        result = cbase_report_fail(report, "memory", ENOMEM);
    else
        result = measure_trips(&stream, descriptor, plan, &samples, report);
    report->p50_ns = cbase_samples_percentile(&samples, 50);
    report->p99_ns = cbase_samples_percentile(&samples, 99);
    cbase_samples_close(&samples);
    stream_close(&stream);
    close(descriptor);
    return result;
}

int cbase_pass_echo(int socket, cbase_plan plan, cbase_report *report)
{
    (void)plan;
    struct stream stream;
    int result = stream_open(&stream, (cbase_link){.reader = socket, .writer = socket, .is_socket = 1});
    if (result < 0)
        return cbase_report_fail(report, "epoll", result);
    while (result == 0) {
        const int descriptor = receive_descriptor(&stream);
        if (descriptor == -EPIPE)
            break;
        if (descriptor < 0) {
            result = cbase_report_fail(report, "recvmsg", descriptor);
            break;
        }
        report->received++;
        const int sent = send_descriptor(&stream, descriptor);
        if (sent < 0)
            result = cbase_report_fail(report, "sendmsg", sent);
        report->sent++;
        close(descriptor);
    }
    stream_close(&stream);
    return result;
}
