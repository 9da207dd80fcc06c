/// Pairs of connected sockets of every kind, for the harness to hand out.
#include "cbase_harness.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

static int loopback_socket(int type, struct sockaddr_in *address)
{
    const int descriptor = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return -errno;
    socklen_t size = sizeof *address;
    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(descriptor, (struct sockaddr *)address, size) < 0 || getsockname(descriptor, (struct sockaddr *)address, &size) < 0) {
        const int error = errno;
        close(descriptor);
        return -error;
    }
    return descriptor;
}

static int make_non_blocking(const int ends[2])
{
    // FIONBIO and F_SETFL say the same; the flag belongs to the open file, which the processes share.
    for (int index = 0; index < 2; index++) {
        const int flags = fcntl(ends[index], F_GETFL);
        if (flags < 0 || fcntl(ends[index], F_SETFL, flags | O_NONBLOCK) < 0)
            return -errno;
    }
    return 0;
}

static int open_udp_pair(int ends[2])
{
    struct sockaddr_in addresses[2];
    for (int index = 0; index < 2; index++) {
        ends[index] = loopback_socket(SOCK_DGRAM, &addresses[index]);
        if (ends[index] < 0)
            return ends[index];
    }
    for (int index = 0; index < 2; index++) {
        if (connect(ends[index], (struct sockaddr *)&addresses[1 - index], sizeof addresses[0]) < 0)
            return -errno;
    }
    return make_non_blocking(ends);
}

static int open_tcp_pair(int ends[2])
{
    struct sockaddr_in address, unused;
    const int listener = loopback_socket(SOCK_STREAM, &address);
    if (listener < 0)
        return listener;
    int result = listen(listener, 1) < 0 ? -errno : 0;
    ends[0] = loopback_socket(SOCK_STREAM, &unused);
    if (result == 0 && (ends[0] < 0 || connect(ends[0], (struct sockaddr *)&address, sizeof address) < 0))
        result = -errno;
    ends[1] = result == 0 ? accept4(listener, NULL, NULL, SOCK_CLOEXEC) : -1;
    if (result == 0 && ends[1] < 0)
        result = -errno;
    close(listener);
    for (int index = 0; result == 0 && index < 2; index++) {
        const int on = 1;
        if (setsockopt(ends[index], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0)
            result = -errno;
    }
    return result < 0 ? result : make_non_blocking(ends);
}

int cbase_open_pair(int kind, int ends[2])
{
    switch (kind) {
    case cbase_pair_tcp: return open_tcp_pair(ends);
    case cbase_pair_udp: return open_udp_pair(ends);
    default: {
        const int type = kind == cbase_pair_packets ? SOCK_SEQPACKET : SOCK_DGRAM;
        return socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0 ? -errno : 0;
    }
    }
}
