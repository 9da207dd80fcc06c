#include "CIPC.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static socklen_t fill(struct sockaddr_un *address, const char *name, size_t length, int32_t is_abstract) {
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    size_t start = is_abstract ? 1 : 0;
    if (length + start >= sizeof address->sun_path) return 0;
    memcpy(address->sun_path + start, name, length);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + start + length + (is_abstract ? 0 : 1));
}

int32_t cipc_notify_open(const char *name, size_t length) {
    struct sockaddr_un address;
    socklen_t size = fill(&address, name, length, 1);
    if (size == 0) return -ENAMETOOLONG;
    int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    int on = 1;
    // Before it has a name, so that no message comes without its sender.
    if (setsockopt(descriptor, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0
        || bind(descriptor, (struct sockaddr *)&address, size) < 0) {
        int error = errno;
        close(descriptor);
        return -error;
    }
    return descriptor;
}

int32_t cipc_notify_send(const char *name, size_t length, int32_t is_abstract, const void *bytes, size_t count) {
    struct sockaddr_un address;
    socklen_t size = fill(&address, name, length, is_abstract);
    if (size == 0) return -ENAMETOOLONG;
    int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    ssize_t sent = sendto(descriptor, bytes, count, MSG_NOSIGNAL, (struct sockaddr *)&address, size);
    int error = errno;
    close(descriptor);
    return sent < 0 ? -error : 0;
}

int32_t cipc_notify_receive(int32_t descriptor, void *bytes, size_t size, cipc_credentials *sender) {
    // Room for descriptors as well: a peer may send some, which have to be closed.
    char control[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(253 * sizeof(int))]
        __attribute__((aligned(__alignof__(struct cmsghdr))));
    struct iovec vector = {bytes, size};
    struct msghdr header = {0};
    header.msg_iov = &vector;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    ssize_t count = recvmsg(descriptor, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (count < 0) return -errno;
    sender->process = 0;
    sender->user = UINT32_MAX;
    sender->group = UINT32_MAX;
    for (struct cmsghdr *item = CMSG_FIRSTHDR(&header); item; item = CMSG_NXTHDR(&header, item)) {
        if (item->cmsg_level != SOL_SOCKET) continue;
        if (item->cmsg_type == SCM_RIGHTS) {
            size_t numbers = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            for (size_t index = 0; index < numbers; index++) {
                int number;
                memcpy(&number, CMSG_DATA(item) + index * sizeof(int), sizeof number);
                close(number);
            }
        } else if (item->cmsg_type == SCM_CREDENTIALS && item->cmsg_len == CMSG_LEN(sizeof(struct ucred))) {
            struct ucred found;
            memcpy(&found, CMSG_DATA(item), sizeof found);
            sender->process = found.pid;
            sender->user = found.uid;
            sender->group = found.gid;
        }
    }
    // What did not fit is no message of this protocol.
    if (header.msg_flags & MSG_TRUNC) return 0;
    return (int32_t)count;
}
