#include "CIPC.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <linux/vm_sockets.h>

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

#define RESULT(call) ({ long _result = (call); _result < 0 ? -errno : _result; })

static int system_family(int32_t family) {
    switch (family) {
    case CIPC_FAMILY_UNIX: return AF_UNIX;
    case CIPC_FAMILY_IPV4: return AF_INET;
    case CIPC_FAMILY_IPV6: return AF_INET6;
    case CIPC_FAMILY_VSOCK: return AF_VSOCK;
    default: return AF_UNSPEC;
    }
}

static int32_t known_family(int family) {
    switch (family) {
    case AF_UNIX: return CIPC_FAMILY_UNIX;
    case AF_INET: return CIPC_FAMILY_IPV4;
    case AF_INET6: return CIPC_FAMILY_IPV6;
    case AF_VSOCK: return CIPC_FAMILY_VSOCK;
    default: return CIPC_FAMILY_OTHER;
    }
}

// The kernel's form of an address: its size, or 0 when there is none.
static socklen_t to_system(const cipc_address *address, struct sockaddr_storage *storage) {
    memset(storage, 0, sizeof *storage);
    storage->ss_family = (sa_family_t)system_family(address->family);
    switch (address->family) {
    case CIPC_FAMILY_UNIX: {
        struct sockaddr_un *found = (struct sockaddr_un *)storage;
        size_t start = address->is_abstract ? 1 : 0;
        if (address->name_count + 1 > sizeof found->sun_path) return 0;
        memcpy(found->sun_path + start, address->bytes, address->name_count);
        // A path is counted with its final zero, an abstract name with its first one.
        return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + address->name_count + 1);
    }
    case CIPC_FAMILY_IPV4: {
        struct sockaddr_in *found = (struct sockaddr_in *)storage;
        found->sin_port = htons((uint16_t)address->port);
        memcpy(&found->sin_addr, address->bytes, 4);
        return sizeof *found;
    }
    case CIPC_FAMILY_IPV6: {
        struct sockaddr_in6 *found = (struct sockaddr_in6 *)storage;
        found->sin6_port = htons((uint16_t)address->port);
        found->sin6_scope_id = address->scope;
        memcpy(&found->sin6_addr, address->bytes, 16);
        return sizeof *found;
    }
    case CIPC_FAMILY_VSOCK: {
        struct sockaddr_vm *found = (struct sockaddr_vm *)storage;
        found->svm_port = address->port;
        found->svm_cid = address->scope;
        return sizeof *found;
    }
    default: return 0;
    }
}

static void from_system(const struct sockaddr_storage *storage, socklen_t size, cipc_address *address) {
    memset(address, 0, offsetof(cipc_address, bytes));
    if (size < sizeof(sa_family_t)) return;
    address->family = known_family(storage->ss_family);
    switch (address->family) {
    case CIPC_FAMILY_UNIX: {
        const struct sockaddr_un *found = (const struct sockaddr_un *)storage;
        size_t count = size - offsetof(struct sockaddr_un, sun_path);
        if (size <= offsetof(struct sockaddr_un, sun_path)) return;
        if (count > sizeof found->sun_path) count = sizeof found->sun_path;
        address->is_abstract = found->sun_path[0] == 0;
        if (address->is_abstract) {
            address->name_count = (uint32_t)count - 1;
            memcpy(address->bytes, found->sun_path + 1, address->name_count);
        } else {
            address->name_count = (uint32_t)strnlen(found->sun_path, count);
            memcpy(address->bytes, found->sun_path, address->name_count);
        }
        return;
    }
    case CIPC_FAMILY_IPV4: {
        const struct sockaddr_in *found = (const struct sockaddr_in *)storage;
        address->port = ntohs(found->sin_port);
        memcpy(address->bytes, &found->sin_addr, 4);
        return;
    }
    case CIPC_FAMILY_IPV6: {
        const struct sockaddr_in6 *found = (const struct sockaddr_in6 *)storage;
        address->port = ntohs(found->sin6_port);
        address->scope = found->sin6_scope_id;
        memcpy(address->bytes, &found->sin6_addr, 16);
        return;
    }
    case CIPC_FAMILY_VSOCK: {
        const struct sockaddr_vm *found = (const struct sockaddr_vm *)storage;
        address->port = found->svm_port;
        address->scope = found->svm_cid;
        return;
    }
    default: return;
    }
}

int32_t cipc_socket(int32_t family, int32_t type) {
    return RESULT(socket(system_family(family), type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

int32_t cipc_bind(int32_t descriptor, const cipc_address *address) {
    struct sockaddr_storage storage;
    socklen_t size = to_system(address, &storage);
    return size == 0 ? -ENAMETOOLONG : (int32_t)RESULT(bind(descriptor, (struct sockaddr *)&storage, size));
}

int32_t cipc_connect(int32_t descriptor, const cipc_address *address) {
    struct sockaddr_storage storage;
    socklen_t size = to_system(address, &storage);
    return size == 0 ? -ENAMETOOLONG : (int32_t)RESULT(connect(descriptor, (struct sockaddr *)&storage, size));
}

int32_t cipc_local_address(int32_t descriptor, cipc_address *address) {
    struct sockaddr_storage storage;
    socklen_t size = sizeof storage;
    if (getsockname(descriptor, (struct sockaddr *)&storage, &size) < 0) return -errno;
    from_system(&storage, size, address);
    return 0;
}

int32_t cipc_remote_address(int32_t descriptor, cipc_address *address) {
    struct sockaddr_storage storage;
    socklen_t size = sizeof storage;
    if (getpeername(descriptor, (struct sockaddr *)&storage, &size) < 0) return -errno;
    from_system(&storage, size, address);
    return 0;
}

static const struct {
    int level, name;
} options[] = {
    [CIPC_SET_REUSE_ADDRESS] = {SOL_SOCKET, SO_REUSEADDR},
    [CIPC_SET_REUSE_PORT] = {SOL_SOCKET, SO_REUSEPORT},
    [CIPC_SET_NO_DELAY] = {IPPROTO_TCP, TCP_NODELAY},
    [CIPC_SET_KEEP_ALIVE] = {SOL_SOCKET, SO_KEEPALIVE},
    [CIPC_SET_KEEP_ALIVE_IDLE] = {IPPROTO_TCP, TCP_KEEPIDLE},
    [CIPC_SET_KEEP_ALIVE_INTERVAL] = {IPPROTO_TCP, TCP_KEEPINTVL},
    [CIPC_SET_KEEP_ALIVE_COUNT] = {IPPROTO_TCP, TCP_KEEPCNT},
    [CIPC_SET_USER_TIMEOUT] = {IPPROTO_TCP, TCP_USER_TIMEOUT},
    [CIPC_SET_BROADCAST] = {SOL_SOCKET, SO_BROADCAST},
    [CIPC_SET_IPV6_ONLY] = {IPPROTO_IPV6, IPV6_V6ONLY},
    [CIPC_SET_MULTICAST_LOOP4] = {IPPROTO_IP, IP_MULTICAST_LOOP},
    [CIPC_SET_MULTICAST_LOOP6] = {IPPROTO_IPV6, IPV6_MULTICAST_LOOP},
    [CIPC_SET_MULTICAST_HOPS4] = {IPPROTO_IP, IP_MULTICAST_TTL},
    [CIPC_SET_MULTICAST_HOPS6] = {IPPROTO_IPV6, IPV6_MULTICAST_HOPS},
    [CIPC_SET_MULTICAST_INTERFACE6] = {IPPROTO_IPV6, IPV6_MULTICAST_IF},
    [CIPC_SET_MULTICAST_ALL4] = {IPPROTO_IP, IP_MULTICAST_ALL},
    [CIPC_SET_MULTICAST_ALL6] = {IPPROTO_IPV6, IPV6_MULTICAST_ALL},
    [CIPC_GET_DOMAIN] = {SOL_SOCKET, SO_DOMAIN},
    [CIPC_GET_TYPE] = {SOL_SOCKET, SO_TYPE},
    [CIPC_GET_LISTENING] = {SOL_SOCKET, SO_ACCEPTCONN},
    [CIPC_GET_SEND_BUFFER] = {SOL_SOCKET, SO_SNDBUF},
    [CIPC_GET_RECEIVE_BUFFER] = {SOL_SOCKET, SO_RCVBUF},
};

int32_t cipc_set(int32_t descriptor, int32_t what, int32_t value) {
    return RESULT(setsockopt(descriptor, options[what].level, options[what].name, &value, sizeof value));
}

int32_t cipc_get(int32_t descriptor, int32_t what) {
    int value = 0;
    socklen_t size = sizeof value;
    return getsockopt(descriptor, options[what].level, options[what].name, &value, &size) < 0 ? -errno : value;
}

int32_t cipc_family(int32_t descriptor) {
    int32_t domain = cipc_get(descriptor, CIPC_GET_DOMAIN);
    return domain < 0 ? domain : known_family(domain);
}

int32_t cipc_set_linger(int32_t descriptor, int32_t seconds) {
    struct linger linger = {.l_onoff = seconds >= 0, .l_linger = seconds < 0 ? 0 : seconds};
    return RESULT(setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
}

int32_t cipc_parse_ip(const char *text, cipc_address *address) {
    memset(address, 0, sizeof *address);
    if (inet_pton(AF_INET, text, address->bytes) == 1) return address->family = CIPC_FAMILY_IPV4;
    // The interface of a link-local address stands behind a percent sign.
    char bare[INET6_ADDRSTRLEN];
    const char *percent = strchr(text, '%');
    size_t count = percent ? (size_t)(percent - text) : strlen(text);
    if (count >= sizeof bare) return -EINVAL;
    memcpy(bare, text, count);
    bare[count] = 0;
    if (inet_pton(AF_INET6, bare, address->bytes) != 1) return -EINVAL;
    if (percent) {
        int32_t index = cipc_interface_index(percent + 1);
        if (index < 0) return index;
        address->scope = (uint32_t)index;
    }
    return address->family = CIPC_FAMILY_IPV6;
}

int32_t cipc_format_ip(const cipc_address *address, char *text, size_t count) {
    if (!inet_ntop(system_family(address->family), address->bytes, text, (socklen_t)count)) return -errno;
    char name[IF_NAMESIZE];
    if (address->family == CIPC_FAMILY_IPV6 && address->scope != 0 && if_indextoname(address->scope, name)
        && strlen(text) + strlen(name) + 2 <= count) {
        strcat(strcat(text, "%"), name);
    }
    return 0;
}

int32_t cipc_resolve(const char *host, cipc_address *found, int32_t capacity) {
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    int result = getaddrinfo(host, NULL, &hints, &list);
    switch (result) {
    case 0: break;
    case EAI_NONAME:
    case EAI_NODATA:
    case EAI_ADDRFAMILY: return -ENOENT;
    case EAI_AGAIN:
    case EAI_FAIL: return -EHOSTUNREACH;
    case EAI_MEMORY: return -ENOMEM;
    case EAI_SYSTEM: return errno > 0 ? -errno : -EIO;
    default: return -EINVAL;
    }
    int32_t count = 0;
    for (struct addrinfo *entry = list; entry && count < capacity; entry = entry->ai_next) {
        struct sockaddr_storage storage;
        if (entry->ai_addrlen > sizeof storage) continue;
        memset(&storage, 0, sizeof storage);
        memcpy(&storage, entry->ai_addr, entry->ai_addrlen);
        from_system(&storage, entry->ai_addrlen, &found[count]);
        if (found[count].family == CIPC_FAMILY_IPV4 || found[count].family == CIPC_FAMILY_IPV6) count++;
    }
    freeaddrinfo(list);
    return count == 0 ? -ENOENT : count;
}

int32_t cipc_interface_index(const char *name) {
    unsigned index = if_nametoindex(name);
    return index == 0 ? -errno : (int32_t)index;
}

int32_t cipc_multicast_membership(int32_t descriptor, int32_t joins, const cipc_address *group, uint32_t interface) {
    struct group_req request = {.gr_interface = interface};
    if (to_system(group, &request.gr_group) == 0) return -EINVAL;
    int level = group->family == CIPC_FAMILY_IPV6 ? IPPROTO_IPV6 : IPPROTO_IP;
    int name = joins ? MCAST_JOIN_GROUP : MCAST_LEAVE_GROUP;
    return RESULT(setsockopt(descriptor, level, name, &request, sizeof request));
}

int32_t cipc_multicast_interface4(int32_t descriptor, uint32_t interface) {
    struct ip_mreqn request = {.imr_ifindex = (int)interface};
    return RESULT(setsockopt(descriptor, IPPROTO_IP, IP_MULTICAST_IF, &request, sizeof request));
}

long cipc_send_packet(int32_t descriptor, const void *head, size_t head_count, const void *body, size_t body_count,
                      const cipc_address *address) {
    struct sockaddr_storage storage;
    struct iovec pieces[2] = {{(void *)head, head_count}, {(void *)body, body_count}};
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 2};
    if (address) {
        message.msg_namelen = to_system(address, &storage);
        if (message.msg_namelen == 0) return -EINVAL;
        message.msg_name = &storage;
    }
    return RESULT(sendmsg(descriptor, &message, MSG_NOSIGNAL));
}

long cipc_receive_packet(int32_t descriptor, void *buffer, size_t count, cipc_address *sender) {
    if (!sender) return RESULT(recv(descriptor, buffer, count, MSG_TRUNC));
    struct sockaddr_storage storage;
    socklen_t size = sizeof storage;
    long result = recvfrom(descriptor, buffer, count, MSG_TRUNC, (struct sockaddr *)&storage, &size);
    if (result < 0) return -errno;
    from_system(&storage, size, sender);
    return result;
}

long cipc_receive_packet_from_whom(int32_t descriptor, void *buffer, size_t count, cipc_address *sender,
                                   cipc_credentials *credentials) {
    // Room for credentials alone, which come first: the kernel closes descriptors for which there is none.
    union {
        char bytes[CMSG_SPACE(sizeof(struct ucred))];
        struct cmsghdr aligned;
    } control;
    struct sockaddr_storage storage;
    struct iovec piece = {buffer, count};
    struct msghdr message = {.msg_name = &storage,
                             .msg_namelen = sizeof storage,
                             .msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    credentials->process = 0;
    credentials->user = UINT32_MAX;
    credentials->group = UINT32_MAX;
    long result = recvmsg(descriptor, &message, MSG_TRUNC | MSG_CMSG_CLOEXEC);
    if (result < 0) return -errno;
    from_system(&storage, message.msg_namelen, sender);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_CREDENTIALS &&
        header->cmsg_len >= CMSG_LEN(sizeof(struct ucred))) {
        struct ucred found;
        memcpy(&found, CMSG_DATA(header), sizeof found);
        credentials->process = found.pid;
        credentials->user = found.uid;
        credentials->group = found.gid;
    }
    return result;
}

int32_t cipc_set_passes_credentials(int32_t descriptor) {
    int value = 1;
    return RESULT(setsockopt(descriptor, SOL_SOCKET, SO_PASSCRED, &value, sizeof value));
}

int32_t cipc_peer_groups(int32_t descriptor, uint32_t *groups, int32_t capacity) {
    socklen_t size = (socklen_t)(sizeof *groups * (size_t)capacity);
    if (getsockopt(descriptor, SOL_SOCKET, SO_PEERGROUPS, groups, &size) == 0) return (int32_t)(size / sizeof *groups);
    // The size says how much room there should have been.
    return errno == ERANGE ? (int32_t)(size / sizeof *groups) : -errno;
}
