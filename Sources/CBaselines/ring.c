/// `ring/*`: the ring in plain C.
#include "ring.h"
#include "cbase_message.h"
#include "cbase_process.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>

static void open_direction(struct direction *way, char *memory, cbase_ring_link link)
{
    way->shared = (struct shared *)memory;
    way->bytes = link.ring_bytes;
    way->own = way->other = 0;
    way->own_bell = link.bells[link.side];
    way->other_bell = link.bells[1 - link.side];
    way->spins = link.spins;
}

int ring_open(struct ring *ring, cbase_ring_link link)
{
    const size_t each = link.ring_bytes + 4096;
    ring->memory_bytes = 2 * each;
    ring->memory = mmap(NULL, ring->memory_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, link.file, 4096);
    if (ring->memory == MAP_FAILED)
        return -errno;
    for (int index = 0; index < 2; index++) {
        // A sleep blocks in read(2): nothing is cheaper.
        const int flags = fcntl(link.bells[index], F_GETFL);
        if (flags < 0 || fcntl(link.bells[index], F_SETFL, flags & ~O_NONBLOCK) < 0)
            return -errno;
    }
    open_direction(&ring->out, (char *)ring->memory + (size_t)link.side * each, link);
    open_direction(&ring->in, (char *)ring->memory + (size_t)(1 - link.side) * each, link);
    return 0;
}

void ring_close(struct ring *ring) { munmap(ring->memory, ring->memory_bytes); }

/// One round trip of message number `sequence`; `touched` bytes of it are written.
static int make_trip(struct ring *ring, const char *message, size_t out, size_t back, uint64_t sequence,
                     cbase_report *report)
{
    char *room = ring_claim(&ring->out, out);
    if (message)
        memcpy(room, message, out);
    else
        memcpy(room, &sequence, sizeof sequence);
    ring_send(&ring->out, out);
    report->sent++;
    size_t bytes;
    char *reply = ring_receive(&ring->in, back, &bytes);
    const _Bool is_right =
        bytes == back && (message ? cbase_message_is(reply, back, sequence) : cbase_message_sequence(reply) == sequence);
    if (!is_right)
        return cbase_report_fail(report, "the bytes that came back", EBADMSG);
    ring_release(&ring->in, back);
    report->received++;
    return 0;
}

static int initiate(cbase_ring_link link, cbase_plan plan, _Bool is_loan, cbase_report *report)
{
    struct ring ring;
    cbase_samples samples;
    int result = ring_open(&ring, link);
    if (result < 0)
        return cbase_report_fail(report, "mapping the ring", result);
    result = cbase_samples_open(&samples, cbase_sample_capacity);
    char *message = malloc(plan.bytes);
    if (result < 0 || !message)
        return cbase_report_fail(report, "memory", ENOMEM);
    cbase_message_fill(message, plan.bytes, 0);
    const size_t back = is_loan ? 8 : plan.bytes;
    uint64_t sequence = 0, before = 0, end = 0;
    do {
        if (sequence == cbase_warm_up_trips) {
            before = report->started_ns = cbase_now();
            end = before + plan.duration_ns;
        }
        if (!is_loan)
            cbase_message_stamp(message, plan.bytes, sequence);
        result = make_trip(&ring, is_loan ? NULL : message, plan.bytes, back, sequence, report);
        if (sequence++ >= cbase_warm_up_trips) {
            const uint64_t now = cbase_now();
            cbase_samples_add(&samples, now - before);
            before = now;
            report->measured++;
        }
    } while (result == 0 && (sequence <= cbase_warm_up_trips || before < end));
    report->ended_ns = before;
    report->p50_ns = cbase_samples_percentile(&samples, 50);
    report->p99_ns = cbase_samples_percentile(&samples, 99);
    ring_finish(&ring.out, plan.bytes);
    free(message);
    cbase_samples_close(&samples);
    ring_close(&ring);
    return result;
}

int cbase_ring_rtt_initiator(cbase_ring_link link, cbase_plan plan, cbase_report *report)
{
    return initiate(link, plan, 0, report);
}

int cbase_ring_loan_initiator(cbase_ring_link link, cbase_plan plan, cbase_report *report)
{
    return initiate(link, plan, 1, report);
}

static int echo(cbase_ring_link link, cbase_plan plan, size_t back, cbase_report *report)
{
    struct ring ring;
    const int result = ring_open(&ring, link);
    if (result < 0)
        return cbase_report_fail(report, "mapping the ring", result);
    for (;;) {
        size_t bytes;
        char *message = ring_receive(&ring.in, plan.bytes, &bytes);
        if (bytes == finish_mark)
            break;
        report->received++;
        memcpy(ring_claim(&ring.out, back), message, back);
        ring_release(&ring.in, plan.bytes);
        ring_send(&ring.out, back);
        report->sent++;
    }
    ring_close(&ring);
    return 0;
}

int cbase_ring_rtt_echo(cbase_ring_link link, cbase_plan plan, cbase_report *report)
{
    return echo(link, plan, plan.bytes, report);
}

int cbase_ring_loan_echo(cbase_ring_link link, cbase_plan plan, cbase_report *report)
{
    return echo(link, plan, 8, report);
}

int cbase_ring_stream_send(cbase_ring_link link, cbase_plan plan, cbase_report *report)
{
    struct ring ring;
    const int result = ring_open(&ring, link);
    if (result < 0)
        return cbase_report_fail(report, "mapping the ring", result);
    char *message = malloc(plan.bytes);
    if (!message)
        return cbase_report_fail(report, "memory", ENOMEM);
    cbase_message_fill(message, plan.bytes, 0);
    report->started_ns = cbase_now();
    const uint64_t end = report->started_ns + plan.duration_ns;
    const uint64_t interval = plan.bytes <= 1024 ? 64 : 1;
    do {
        cbase_message_stamp(message, plan.bytes, report->sent);
        memcpy(ring_claim(&ring.out, plan.bytes), message, plan.bytes);
        ring_send(&ring.out, plan.bytes);
        report->sent++;
    } while (report->sent % interval != 0 || cbase_now() < end);
    report->ended_ns = cbase_now();
    report->measured = report->sent;
    ring_finish(&ring.out, plan.bytes);
    free(message);
    ring_close(&ring);
    return 0;
}

int cbase_ring_stream_receive(cbase_ring_link link, cbase_plan plan, cbase_report *report)
{
    struct ring ring;
    int result = ring_open(&ring, link);
    if (result < 0)
        return cbase_report_fail(report, "mapping the ring", result);
    report->started_ns = cbase_now();
    for (;;) {
        size_t bytes;
        const char *message = ring_receive(&ring.in, plan.bytes, &bytes);
        if (bytes == finish_mark)
            break;
        if (!cbase_message_is(message, plan.bytes, report->received)) {
            result = cbase_report_fail(report, "the bytes that arrived", EBADMSG);
            break;
        }
        report->received++;
        ring_release(&ring.in, plan.bytes);
    }
    report->ended_ns = cbase_now();
    report->measured = report->received;
    ring_close(&ring);
    return result;
}
