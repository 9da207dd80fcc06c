#include "CIPC.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

#define RESULT(call) ({ long _result = (call); _result < 0 ? -errno : _result; })

const int32_t cipc_sock_stream = SOCK_STREAM, cipc_sock_seqpacket = SOCK_SEQPACKET, cipc_sock_dgram = SOCK_DGRAM;

int32_t cipc_socket_unix(int32_t type) { return RESULT(socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)); }

int32_t cipc_socket_pair(int32_t type, int32_t *ends) {
    return RESULT(socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends));
}

int32_t cipc_unix_path_limit(void) { return (int32_t)sizeof(((struct sockaddr_un *)0)->sun_path) - 1; }

static int32_t unix_address(struct sockaddr_un *address, socklen_t *size, const char *path, size_t length) {
    if (length > sizeof address->sun_path - 1) return -ENAMETOOLONG;
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, length);
    *size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
    return 0;
}

int32_t cipc_bind_unix(int32_t descriptor, const char *path, size_t length) {
    struct sockaddr_un address;
    socklen_t size;
    int32_t result = unix_address(&address, &size, path, length);
    return result < 0 ? result : (int32_t)RESULT(bind(descriptor, (struct sockaddr *)&address, size));
}

int32_t cipc_connect_unix(int32_t descriptor, const char *path, size_t length) {
    struct sockaddr_un address;
    socklen_t size;
    int32_t result = unix_address(&address, &size, path, length);
    return result < 0 ? result : (int32_t)RESULT(connect(descriptor, (struct sockaddr *)&address, size));
}

int32_t cipc_listen(int32_t descriptor, int32_t backlog) { return RESULT(listen(descriptor, backlog)); }

int32_t cipc_accept(int32_t descriptor) {
    return RESULT(accept4(descriptor, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK));
}

int32_t cipc_shutdown(int32_t descriptor, int32_t reading, int32_t writing) {
    return RESULT(shutdown(descriptor, reading && writing ? SHUT_RDWR : reading ? SHUT_RD : SHUT_WR));
}

int32_t cipc_socket_error(int32_t descriptor) {
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) < 0 ? -errno : -error;
}

int32_t cipc_get_option(int32_t descriptor, int32_t level, int32_t option, int32_t *value) {
    socklen_t size = sizeof *value;
    return RESULT(getsockopt(descriptor, level, option, value, &size));
}

int32_t cipc_set_option(int32_t descriptor, int32_t level, int32_t option, int32_t value) {
    return RESULT(setsockopt(descriptor, level, option, &value, sizeof value));
}

int32_t cipc_peer_credentials(int32_t descriptor, cipc_credentials *credentials) {
    struct ucred found;
    socklen_t size = sizeof found;
    if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &found, &size) < 0) return -errno;
    credentials->process = found.pid;
    credentials->user = found.uid;
    credentials->group = found.gid;
    return 0;
}

int32_t cipc_peer_pidfd(int32_t descriptor) {
    int pidfd = -1;
    socklen_t size = sizeof pidfd;
    return getsockopt(descriptor, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) < 0 ? -errno : pidfd;
}

int32_t cipc_set_passes_descriptors(int32_t descriptor, int32_t enabled) {
    return cipc_set_option(descriptor, SOL_SOCKET, SO_PASSRIGHTS, enabled);
}

int32_t cipc_set_buffer_sizes(int32_t descriptor, int32_t send_bytes, int32_t receive_bytes) {
    int32_t result = 0;
    if (send_bytes > 0) result = cipc_set_option(descriptor, SOL_SOCKET, SO_SNDBUF, send_bytes);
    if (result >= 0 && receive_bytes > 0) {
        result = cipc_set_option(descriptor, SOL_SOCKET, SO_RCVBUF, receive_bytes);
    }
    return result;
}

long cipc_send_with_descriptors(int32_t descriptor, const void *head, size_t head_count, const void *body,
                                size_t body_count, const int32_t *descriptors, int32_t descriptor_count) {
    struct iovec pieces[2] = {{(void *)head, head_count}, {(void *)body, body_count}};
    union {
        char bytes[CMSG_SPACE(sizeof(int) * CIPC_MAXIMUM_DESCRIPTORS)];
        struct cmsghdr aligned;
    } control;
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 2};
    if (descriptor_count > 0) {
        if (descriptor_count > CIPC_MAXIMUM_DESCRIPTORS) return -EINVAL;
        size_t size = sizeof(int) * (size_t)descriptor_count;
        memset(&control, 0, CMSG_SPACE(size));
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(size);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(size);
        memcpy(CMSG_DATA(header), descriptors, size);
    }
    return RESULT(sendmsg(descriptor, &message, MSG_NOSIGNAL));
}

long cipc_send2(int32_t descriptor, const void *head, size_t head_count, const void *body, size_t body_count) {
    struct iovec pieces[2] = {{(void *)head, head_count}, {(void *)body, body_count}};
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 2};
    return cipc_syscall3(SYS_sendmsg, descriptor, (long)&message, MSG_NOSIGNAL);
}

void cipc_collect_descriptors(void *control, size_t count, cipc_received *received) {
    struct msghdr message = {.msg_control = control, .msg_controllen = count};
    const char *end = (const char *)control + count;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        // The kernel writes whole headers; what is said of a length is believed only as far as the memory goes.
        size_t room = (size_t)(end - (const char *)header);
        size_t length = header->cmsg_len < room ? header->cmsg_len : room;
        if (length < CMSG_LEN(0)) return;
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        size_t arrived = (length - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < arrived && received->descriptor_count < CIPC_RECEIVED_CAPACITY; i++) {
            int32_t number;
            memcpy(&number, CMSG_DATA(header) + i * sizeof(int), sizeof number);
            received->descriptors[received->descriptor_count++] = number;
        }
    }
}

long cipc_receive_message(int32_t descriptor, void *buffer, size_t count, cipc_received *received) {
    // Room for as many descriptors as a message can carry, so that the kernel truncates only when this process has no
    // free number left; credentials or a pidfd that a socket option asks for have room beside them.
    union {
        char bytes[CMSG_SPACE(sizeof(int) * CIPC_MAXIMUM_DESCRIPTORS) + 256];
        struct cmsghdr aligned;
    } control;
    struct iovec piece = {buffer, count};
    struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    received->descriptor_count = 0;
    received->truncated_control = 0;
    received->truncated_data = 0;
    long result = recvmsg(descriptor, &message, MSG_CMSG_CLOEXEC);
    if (result < 0) return -errno;
    received->truncated_control = (message.msg_flags & MSG_CTRUNC) != 0;
    received->truncated_data = (message.msg_flags & MSG_TRUNC) != 0;
    cipc_collect_descriptors(control.bytes, message.msg_controllen, received);
    return result;
}
