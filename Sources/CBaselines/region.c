/// `region/create`: memory that could be shared, made, mapped, touched and given back. `region/map`: what the other process
/// is to see, sent over a socket instead.
#include "cbase_message.h"
#include "cbase_process.h"
#include "stream.h"
#include <stdlib.h>
#include <sys/mman.h>

enum { page_size = 4096 };

/// One region: 0, or a negative errno.
static int create_once(size_t bytes)
{
    const int descriptor = memfd_create("ipcbench", MFD_CLOEXEC);
    if (descriptor < 0)
        return -errno;
    int result = 0;
    if (ftruncate(descriptor, (off_t)bytes) < 0) {
        result = -errno;
    } else {
        volatile char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
        if (memory == MAP_FAILED) {
            result = -errno;
        } else {
            for (size_t offset = 0; offset < bytes; offset += page_size)
                memory[offset] = 1;
            if (munmap((void *)memory, bytes) < 0)
                result = -errno;
        }
    }
    close(descriptor);
    return result;
}

/// Measures `once` until the time is over.
static int measure(int (*once)(void *), void *context, cbase_plan plan, cbase_report *report)
{
    cbase_samples samples;
    if (cbase_samples_open(&samples, cbase_sample_capacity) < 0)
        return cbase_report_fail(report, "memory", ENOMEM);
    int result = 0;
    for (int trip = 0; result == 0 && trip < cbase_warm_up_trips; trip++)
        result = once(context);
    report->started_ns = cbase_now();
    const uint64_t end = report->started_ns + plan.duration_ns;
    uint64_t before = report->started_ns;
    while (result == 0 && (report->measured == 0 || before < end)) {
        result = once(context);
        const uint64_t now = cbase_now();
        cbase_samples_add(&samples, now - before);
        before = now;
        report->measured++;
    }
    report->ended_ns = before;
    report->p50_ns = cbase_samples_percentile(&samples, 50);
    report->p99_ns = cbase_samples_percentile(&samples, 99);
    cbase_samples_close(&samples);
    return result == 0 ? 0 : cbase_report_fail(report, "region", result);
}

static int create_in(void *context) { return create_once(*(const size_t *)context); }

int cbase_region_create(cbase_plan plan, cbase_report *report)
{
    size_t bytes = plan.bytes;
    return measure(create_in, &bytes, plan, report);
}

_Bool cbase_region_touch(const void *message, size_t bytes, uint64_t sequence)
{
    const volatile char *memory = message;
    char sum = 0;
    for (size_t offset = 0; offset < bytes; offset += page_size)
        sum = (char)(sum + memory[offset]);
    (void)sum;
    return cbase_message_is(message, bytes, sequence);
}

struct sender {
    struct stream stream;
    char *message;
    size_t bytes;
    cbase_report *report;
};

/// One message with sendmsg, and the byte that says that it was seen.
static int send_once(void *context)
{
    struct sender *sender = context;
    cbase_message_stamp(sender->message, sender->bytes, sender->report->sent);
    size_t done = 0;
    while (done < sender->bytes) {
        struct iovec part = {.iov_base = sender->message + done, .iov_len = sender->bytes - done};
        const struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
        const ssize_t count = sendmsg(sender->stream.link.writer, &message, MSG_NOSIGNAL);
        if (count >= 0) {
            done += (size_t)count;
            continue;
        }
        const int waited = errno == EINTR ? 0 : errno == EAGAIN ? stream_wait_for_room(&sender->stream) : -errno;
        if (waited < 0)
            return waited;
    }
    sender->report->sent++;
    char seen;
    const int result = stream_read_whole(&sender->stream, &seen, 1);
    if (result < 1)
        return result < 0 ? result : -EPIPE;
    if (seen != 1)
        return -EBADMSG;
    sender->report->received++;
    return 0;
}

int cbase_region_send(int socket, cbase_plan plan, cbase_report *report)
{
    struct sender sender = {.bytes = plan.bytes, .report = report, .message = malloc(plan.bytes)};
    if (!sender.message)
        return cbase_report_fail(report, "memory", ENOMEM);
    int result = stream_open(&sender.stream, (cbase_link){.reader = socket, .writer = socket, .is_socket = 1});
    if (result < 0) {
        free(sender.message);
        return cbase_report_fail(report, "epoll", result);
    }
    cbase_message_fill(sender.message, plan.bytes, 0);
    result = measure(send_once, &sender, plan, report);
    stream_close(&sender.stream);
    free(sender.message);
    return result;
}

int cbase_region_receive(int socket, cbase_plan plan, cbase_report *report)
{
    char *message = malloc(plan.bytes);
    if (!message)
        return cbase_report_fail(report, "memory", ENOMEM);
    struct stream stream;
    int result = stream_open(&stream, (cbase_link){.reader = socket, .writer = socket, .is_socket = 1});
    if (result < 0) {
        free(message);
        return cbase_report_fail(report, "epoll", result);
    }
    while ((result = stream_read_whole(&stream, message, plan.bytes)) == 1) {
        if (!cbase_region_touch(message, plan.bytes, report->received)) {
            result = cbase_report_fail(report, "the message that came", EBADMSG);
            break;
        }
        report->received++;
        const char seen = 1;
        result = stream_write_whole(&stream, &seen, 1);
        if (result < 0)
            break;
        report->sent++;
    }
    stream_close(&stream);
    free(message);
    return result < 0 ? cbase_report_fail(report, "region", result) : 0;
}
