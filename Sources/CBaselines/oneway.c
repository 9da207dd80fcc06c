/// `*/stream/*` and `*/batch/*`: messages one way, one write for each.
#include "cbase_message.h"
#include "cbase_process.h"
#include "stream.h"
#include <stdlib.h>
#include <string.h>

/// How often the clock is read while small messages are sent (a power of two).
enum { clock_interval = 64 };

/// The receiver's buffer: the capacity of a pipe, or one whole message.
enum { receive_buffer_bytes = 64 * 1024 };

static int send_for(struct stream *stream, char *message, cbase_plan plan, cbase_report *report)
{
    report->started_ns = cbase_now();
    const uint64_t end = report->started_ns + plan.duration_ns;
    const uint64_t interval = plan.bytes <= 1024 ? clock_interval : 1;
    do {
        cbase_message_stamp(message, plan.bytes, report->sent);
        const int result = stream_write_whole(stream, message, plan.bytes);
        if (result < 0)
            return cbase_report_fail(report, "send", result);
        report->sent++;
    } while (report->sent % interval != 0 || cbase_now() < end);
    report->ended_ns = cbase_now();
    report->measured = report->sent;
    return 0;
}

int cbase_stream_send(cbase_link link, cbase_plan plan, cbase_report *report)
{
    struct stream stream;
    int result = stream_open(&stream, link);
    if (result < 0)
        return cbase_report_fail(report, "epoll", result);
    char *message = malloc(plan.bytes);
    if (message) {
        cbase_message_fill(message, plan.bytes, 0);
        result = send_for(&stream, message, plan, report);
    } else {
        result = cbase_report_fail(report, "memory", ENOMEM);
    }
    free(message);
    stream_close(&stream);
    return result;
}

/// Checks the whole messages at the start of `buffer` and returns how many bytes they take, or -EBADMSG.
static ssize_t check_messages(const char *buffer, size_t filled, size_t bytes, cbase_report *report)
{
    size_t offset = 0;
    for (; filled - offset >= bytes; offset += bytes) {
        if (!cbase_message_is(buffer + offset, bytes, report->received))
            return cbase_report_fail(report, "the bytes that arrived", EBADMSG);
        report->received++;
    }
    return (ssize_t)offset;
}

static int receive_until_end(struct stream *stream, char *buffer, size_t capacity, size_t bytes, cbase_report *report)
{
    size_t filled = 0;
    for (;;) {
        const ssize_t count = stream_read(stream, buffer + filled, capacity - filled);
        if (count < 0)
            return cbase_report_fail(report, "receive", (int)count);
        if (count == 0)
            break;
        filled += (size_t)count;
        const ssize_t checked = check_messages(buffer, filled, bytes, report);
        if (checked < 0)
            return (int)checked;
        filled -= (size_t)checked;
        memmove(buffer, buffer + checked, filled);
    }
    report->ended_ns = cbase_now();
    report->measured = report->received;
    return filled == 0 ? 0 : cbase_report_fail(report, "a message cut at the end", EPROTO);
}

int cbase_stream_receive(cbase_link link, cbase_plan plan, cbase_report *report)
{
    struct stream stream;
    int result = stream_open(&stream, link);
    if (result < 0)
        return cbase_report_fail(report, "epoll", result);
    const size_t capacity = plan.bytes > receive_buffer_bytes ? plan.bytes : receive_buffer_bytes;
    char *buffer = malloc(capacity);
    report->started_ns = cbase_now();
    result = buffer ? receive_until_end(&stream, buffer, capacity, plan.bytes, report)
                    : cbase_report_fail(report, "memory", ENOMEM);
    free(buffer);
    stream_close(&stream);
    return result;
}
