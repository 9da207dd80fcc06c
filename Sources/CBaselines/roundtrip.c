/// `*/rtt/*`: one message goes over and the same bytes come back.
#include "cbase_message.h"
#include "cbase_process.h"
#include "stream.h"
#include <signal.h>
#include <stdlib.h>

void cbase_work_prepare(void)
{
    signal(SIGPIPE, SIG_IGN);
}

/// One round trip of message number `sequence`.
static int make_trip(struct stream *stream, char *outgoing, char *incoming, size_t bytes, uint64_t sequence,
                     cbase_report *report)
{
    cbase_message_stamp(outgoing, bytes, sequence);
    const int sent = stream_write_whole(stream, outgoing, bytes);
    if (sent < 0)
        return cbase_report_fail(report, "send", sent);
    report->sent++;
    const int received = stream_read_whole(stream, incoming, bytes);
    if (received <= 0)
        return cbase_report_fail(report, "receive", received == 0 ? EPIPE : received);
    if (!cbase_message_is(incoming, bytes, sequence))
        return cbase_report_fail(report, "the bytes that came back", EBADMSG);
    report->received++;
    return 0;
}

static int measure_trips(struct stream *stream, char *outgoing, char *incoming, cbase_plan plan, cbase_samples *samples,
                         cbase_report *report)
{
    uint64_t sequence = 0;
    while (sequence < cbase_warm_up_trips) {
        const int result = make_trip(stream, outgoing, incoming, plan.bytes, sequence++, report);
        if (result < 0)
            return result;
    }
    report->started_ns = cbase_now();
    const uint64_t end = report->started_ns + plan.duration_ns;
    uint64_t before = report->started_ns;
    do {
        const int result = make_trip(stream, outgoing, incoming, plan.bytes, sequence++, report);
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

int cbase_rtt_initiator(cbase_link link, cbase_plan plan, cbase_report *report)
{
    struct stream stream;
    cbase_samples samples;
    int result = stream_open(&stream, link);
    if (result < 0)
        return cbase_report_fail(report, "epoll", result);
    result = cbase_samples_open(&samples, cbase_sample_capacity);
    char *buffers = malloc(2 * plan.bytes);
    if (result == 0 && buffers) {
        cbase_message_fill(buffers, plan.bytes, 0);
        result = measure_trips(&stream, buffers, buffers + plan.bytes, plan, &samples, report);
        report->p50_ns = cbase_samples_percentile(&samples, 50);
        report->p99_ns = cbase_samples_percentile(&samples, 99);
    } else {
        result = cbase_report_fail(report, "memory", ENOMEM);
    }
    free(buffers);
    cbase_samples_close(&samples);
    stream_close(&stream);
    return result;
}

int cbase_rtt_echo(cbase_link link, cbase_plan plan, cbase_report *report)
{
    struct stream stream;
    int result = stream_open(&stream, link);
    if (result < 0)
        return cbase_report_fail(report, "epoll", result);
    char *buffer = malloc(plan.bytes);
    if (!buffer)
        result = cbase_report_fail(report, "memory", ENOMEM);
    while (result == 0) {
        const int received = stream_read_whole(&stream, buffer, plan.bytes);
        if (received < 0)
            result = cbase_report_fail(report, "receive", received);
        if (received <= 0)
            break;
        report->received++;
        const int sent = stream_write_whole(&stream, buffer, plan.bytes);
        if (sent < 0)
            result = cbase_report_fail(report, "send", sent);
        report->sent++;
    }
    free(buffer);
    stream_close(&stream);
    return result;
}
