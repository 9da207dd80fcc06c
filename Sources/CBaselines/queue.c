/// `posix-queue/rtt/…` and `sysv-queue/rtt/…`, and the baseline of `shared-queue/…`.
#include "cbase_queue.h"
#include "cbase_message.h"
#include "cbase_process.h"
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <unistd.h>

enum { room = 8192 };

struct queue {
    _Bool is_posix;
    int number;
    char name[128];
};

struct message {
    long type;
    char bytes[room];
};

static int queue_open(struct queue *queue, const char *name, const char *suffix, int32_t key, _Bool is_posix, _Bool makes)
{
    const uint64_t end = cbase_now() + 5000000000u;
    queue->is_posix = is_posix;
    snprintf(queue->name, sizeof queue->name, "%s%s", name, suffix);
    do {
        if (is_posix)
            queue->number = mq_open(queue->name, O_RDWR | O_CLOEXEC | (makes ? O_CREAT | O_EXCL : 0), 0600, NULL);
        else
            queue->number = msgget(key, (makes ? IPC_CREAT | IPC_EXCL : 0) | 0600);
        if (queue->number >= 0)
            return 0;
        if (makes || errno != ENOENT)
            return -errno;
        sched_yield();
    } while (cbase_now() < end);
    return -ETIMEDOUT;
}

static void queue_remove(struct queue *queue)
{
    if (queue->is_posix)
        mq_unlink(queue->name);
    else
        msgctl(queue->number, IPC_RMID, NULL);
}

static int queue_send(struct queue *queue, struct message *message, size_t bytes)
{
    message->type = 1;
    const int result = queue->is_posix ? mq_send(queue->number, message->bytes, bytes, 0)
                                       : msgsnd(queue->number, message, bytes, 0);
    return result < 0 ? -errno : 0;
}

static ssize_t queue_receive(struct queue *queue, struct message *message)
{
    const ssize_t count = queue->is_posix ? mq_receive(queue->number, message->bytes, room, NULL)
                                          : msgrcv(queue->number, message, room, 0, 0);
    return count < 0 ? -errno : count;
}

static int make_trip(struct queue *there, struct queue *back, struct message *outgoing, struct message *incoming,
                     size_t bytes, uint64_t sequence, cbase_report *report)
{
    cbase_message_stamp(outgoing->bytes, bytes, sequence);
    const int sent = queue_send(there, outgoing, bytes);
    if (sent < 0)
        return cbase_report_fail(report, "send", sent);
    report->sent++;
    const ssize_t received = queue_receive(back, incoming);
    if (received < 0)
        return cbase_report_fail(report, "receive", (int)received);
    if ((size_t)received != bytes || !cbase_message_is(incoming->bytes, bytes, sequence))
        return cbase_report_fail(report, "the bytes that came back", EBADMSG);
    report->received++;
    return 0;
}

static int initiate(struct queue *there, struct queue *back, cbase_plan plan, cbase_samples *samples,
                    cbase_report *report)
{
    static struct message outgoing, incoming;
    uint64_t sequence = 0;
    int result = 0;
    cbase_message_fill(outgoing.bytes, plan.bytes, 0);
    while (sequence < cbase_warm_up_trips && result == 0)
        result = make_trip(there, back, &outgoing, &incoming, plan.bytes, sequence++, report);
    report->started_ns = cbase_now();
    const uint64_t end = report->started_ns + plan.duration_ns;
    uint64_t before = report->started_ns;
    while (result == 0 && before < end) {
        result = make_trip(there, back, &outgoing, &incoming, plan.bytes, sequence++, report);
        const uint64_t now = cbase_now();
        cbase_samples_add(samples, now - before);
        before = now;
        report->measured++;
    }
    report->ended_ns = before;
    if (result == 0)
        result = queue_send(there, &outgoing, 0);
    if (result == 0 && queue_receive(back, &incoming) != 0)
        result = cbase_report_fail(report, "the end", EBADMSG);
    return result;
}

static int echo(struct queue *there, struct queue *back, cbase_report *report)
{
    static struct message message;
    for (;;) {
        const ssize_t received = queue_receive(there, &message);
        if (received < 0)
            return cbase_report_fail(report, "receive", (int)received);
        if (received > 0)
            report->received++;
        const int sent = queue_send(back, &message, (size_t)received);
        if (sent < 0)
            return cbase_report_fail(report, "send", sent);
        if (received == 0)
            return 0;
        report->sent++;
    }
}

int cbase_queue_rtt(const char *name, int32_t number, _Bool is_posix, _Bool makes, cbase_plan plan,
                    cbase_report *report)
{
    struct queue there, back;
    cbase_samples samples;
    if (plan.bytes > room)
        return cbase_report_fail(report, "the size of a message", EMSGSIZE);
    int result = queue_open(&there, name, "-there", number, is_posix, makes);
    if (result == 0) {
        result = queue_open(&back, name, "-back", number + 1, is_posix, makes);
        if (result < 0 && makes)
            queue_remove(&there);
    }
    if (result < 0)
        return cbase_report_fail(report, "opening the queues", result);
    if (!makes)
        return echo(&there, &back, report);
    result = cbase_samples_open(&samples, cbase_sample_capacity);
    if (result == 0)
        result = initiate(&there, &back, plan, &samples, report);
    else
        cbase_report_fail(report, "memory", result);
    report->p50_ns = cbase_samples_percentile(&samples, 50);
    report->p99_ns = cbase_samples_percentile(&samples, 99);
    cbase_samples_close(&samples);
    queue_remove(&there);
    queue_remove(&back);
    return result;
}

enum { stream_senders = 2, stream_capacity = 1024 };

struct stream_half {
    mqd_t queue;
    cbase_plan plan;
    uint64_t end;
    uint64_t sent;
    int result;
};

static void *send_half(void *context)
{
    struct stream_half *half = context;
    char message[room];
    cbase_message_fill(message, half->plan.bytes, 0);
    do {
        cbase_message_stamp(message, half->plan.bytes, half->sent);
        if (mq_send(half->queue, message, half->plan.bytes, 0) < 0) {
            half->result = -errno;
            break;
        }
        half->sent++;
    } while (half->sent % 64 != 0 || cbase_now() < half->end);
    return NULL;
}

int cbase_queue_stream_send(const char *name, cbase_plan plan, cbase_report *report)
{
    // As many messages as ours holds, where this user may.
    struct mq_attr wish = {.mq_maxmsg = stream_capacity, .mq_msgsize = 1024};
    if (plan.bytes > 1024)
        return cbase_report_fail(report, "the size of a message", EMSGSIZE);
    mqd_t queue = mq_open(name, O_RDWR | O_CLOEXEC | O_CREAT | O_EXCL, 0600, &wish);
    if (queue < 0)
        queue = mq_open(name, O_RDWR | O_CLOEXEC | O_CREAT | O_EXCL, 0600, NULL);
    if (queue < 0)
        return cbase_report_fail(report, "opening the queue", -errno);
    struct stream_half halves[stream_senders] = {0};
    pthread_t threads[stream_senders];
    report->started_ns = cbase_now();
    for (int index = 0; index < stream_senders; index++) {
        halves[index] = (struct stream_half){queue, plan, report->started_ns + plan.duration_ns, 0, 0};
        if (pthread_create(&threads[index], NULL, send_half, &halves[index]) != 0)
            return cbase_report_fail(report, "starting a thread", EAGAIN);
    }
    for (int index = 0; index < stream_senders; index++) {
        pthread_join(threads[index], NULL);
        report->sent += halves[index].sent;
        if (halves[index].result < 0)
            cbase_report_fail(report, "send", halves[index].result);
    }
    report->measured = report->sent;
    report->ended_ns = cbase_now();
    for (int index = 0; index < 2; index++)
        mq_send(queue, "", 0, 0);
    // Who receives has it open when nothing is left.
    struct mq_attr now = {0};
    const uint64_t end = cbase_now() + 10000000000u;
    while (mq_getattr(queue, &now) == 0 && now.mq_curmsgs > 0 && cbase_now() < end)
        sched_yield();
    mq_unlink(name);
    return 0;
}

int cbase_queue_stream_receive(const char *name, cbase_plan plan, cbase_report *report)
{
    const uint64_t end = cbase_now() + 5000000000u;
    mqd_t queue;
    while ((queue = mq_open(name, O_RDWR | O_CLOEXEC)) < 0) {
        if (errno != ENOENT || cbase_now() > end)
            return cbase_report_fail(report, "opening the queue", -errno);
        sched_yield();
    }
    char message[room];
    for (;;) {
        const ssize_t count = mq_receive(queue, message, room, NULL);
        if (count < 0)
            return cbase_report_fail(report, "receive", -errno);
        if (count == 0)
            break;
        if ((size_t)count != plan.bytes || !cbase_message_is(message, plan.bytes, cbase_message_sequence(message)))
            return cbase_report_fail(report, "the bytes that arrived", EBADMSG);
        report->received++;
    }
    report->measured = report->received;
    report->ended_ns = cbase_now();
    return 0;
}
