/// The control socket: descriptors and "go" one way, "ready" and the report the other.
#include "cbase_harness.h"
#include "cbase_process.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { descriptors_per_packet = 250 };

static const char ready_word = 'r', go_word = 'g', descriptors_word = 'd';

/// Receives one packet; -EPIPE when the other side has gone, -EMSGSIZE if it is longer than `capacity`.
static ssize_t receive_packet(int control, struct msghdr *message)
{
    ssize_t count;
    do {
        count = recvmsg(control, message, MSG_CMSG_CLOEXEC);
    } while (count < 0 && errno == EINTR);
    if (count < 0)
        return errno == ECONNRESET ? -EPIPE : -errno;
    if (count == 0)
        return -EPIPE;
    return message->msg_flags & (MSG_TRUNC | MSG_CTRUNC) ? -EMSGSIZE : count;
}

/// Receives a packet of exactly `bytes` bytes.
static int receive_exactly(int control, void *data, size_t bytes)
{
    struct iovec part = {.iov_base = data, .iov_len = bytes};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    const ssize_t count = receive_packet(control, &message);
    if (count < 0)
        return (int)count;
    return (size_t)count == bytes ? 0 : -EPROTO;
}

static int send_packet(int control, const struct msghdr *message)
{
    ssize_t count;
    do {
        count = sendmsg(control, message, MSG_NOSIGNAL);
    } while (count < 0 && errno == EINTR);
    return count < 0 ? -errno : 0;
}

static int send_bytes(int control, const void *data, size_t bytes)
{
    struct iovec part = {.iov_base = (void *)data, .iov_len = bytes};
    const struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    return send_packet(control, &message);
}

static int wait_until_any_readable(struct pollfd *entries, size_t count, uint64_t nanoseconds)
{
    const uint64_t end = cbase_now() + nanoseconds;
    for (;;) {
        const uint64_t now = cbase_now();
        if (now >= end)
            return -ETIMEDOUT;
        const int found = poll(entries, count, (int)((end - now) / 1000000 + 1));
        if (found > 0)
            return 0;
        if (found < 0 && errno != EINTR)
            return -errno;
    }
}

static int wait_until_readable(int control, uint64_t nanoseconds)
{
    struct pollfd entry = {.fd = control, .events = POLLIN};
    return wait_until_any_readable(&entry, 1, nanoseconds);
}

static int expect_word(int control, char word)
{
    char received;
    const int result = receive_exactly(control, &received, 1);
    if (result < 0)
        return result;
    return received == word ? 0 : -EPROTO;
}

int cbase_control_pass(int control, const int *descriptors, size_t count)
{
    for (size_t sent = 0; sent < count;) {
        const size_t part = count - sent < descriptors_per_packet ? count - sent : descriptors_per_packet;
        union {
            struct cmsghdr header;
            char bytes[CMSG_SPACE(descriptors_per_packet * sizeof(int))];
        } space;
        struct iovec word = {.iov_base = (void *)&descriptors_word, .iov_len = 1};
        struct msghdr message = {.msg_iov = &word, .msg_iovlen = 1, .msg_control = &space};
        message.msg_controllen = CMSG_SPACE(part * sizeof(int));
        memset(&space, 0, sizeof space);
        space.header.cmsg_level = SOL_SOCKET;
        space.header.cmsg_type = SCM_RIGHTS;
        space.header.cmsg_len = CMSG_LEN(part * sizeof(int));
        memcpy(CMSG_DATA(&space.header), descriptors + sent, part * sizeof(int));
        const int result = send_packet(control, &message);
        if (result < 0)
            return result;
        sent += part;
    }
    return 0;
}

int cbase_control_take(int control, int *descriptors, size_t count)
{
    for (size_t taken = 0; taken < count;) {
        union {
            struct cmsghdr header;
            char bytes[CMSG_SPACE(descriptors_per_packet * sizeof(int))];
        } space;
        char word;
        struct iovec part = {.iov_base = &word, .iov_len = 1};
        struct msghdr message = {
            .msg_iov = &part, .msg_iovlen = 1, .msg_control = &space, .msg_controllen = sizeof space};
        const ssize_t result = receive_packet(control, &message);
        if (result < 0)
            return (int)result;
        const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        if (word != descriptors_word || !header || header->cmsg_type != SCM_RIGHTS)
            return -EPROTO;
        const size_t received = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        if (received > count - taken)
            return -EPROTO;
        memcpy(descriptors + taken, CMSG_DATA(header), received * sizeof(int));
        taken += received;
    }
    return 0;
}

int cbase_control_await_ready(int control, uint64_t nanoseconds)
{
    const int result = wait_until_readable(control, nanoseconds);
    return result < 0 ? result : expect_word(control, ready_word);
}

int cbase_control_go(int control)
{
    return send_bytes(control, &go_word, 1);
}

int cbase_control_ready(int control)
{
    const int result = send_bytes(control, &ready_word, 1);
    return result < 0 ? result : expect_word(control, go_word);
}

int cbase_control_report(int control, const cbase_report *report)
{
    return send_bytes(control, report, sizeof *report);
}

int cbase_control_await_any(const int *controls, size_t count, uint64_t nanoseconds)
{
    struct pollfd entries[64];
    if (count > sizeof entries / sizeof *entries)
        return -EINVAL;
    for (size_t index = 0; index < count; index++)
        entries[index] = (struct pollfd){.fd = controls[index], .events = POLLIN};
    const int result = wait_until_any_readable(entries, count, nanoseconds);
    for (size_t index = 0; result == 0 && index < count; index++)
        if (entries[index].revents)
            return (int)index;
    return result;
}

int cbase_control_await_report(int control, cbase_report *report, uint64_t nanoseconds)
{
    const int result = wait_until_readable(control, nanoseconds);
    return result < 0 ? result : receive_exactly(control, report, sizeof *report);
}
