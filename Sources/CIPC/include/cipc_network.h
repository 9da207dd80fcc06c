// Sockets of every family by one kind of address, packets with their sender, and what can be set on a socket.
#ifndef CIPC_NETWORK_H
#define CIPC_NETWORK_H

#include "cipc_types.h"

/// The families that this package knows.
enum { CIPC_FAMILY_OTHER = 0, CIPC_FAMILY_UNIX = 1, CIPC_FAMILY_IPV4 = 2, CIPC_FAMILY_IPV6 = 3, CIPC_FAMILY_VSOCK = 4 };

/// An address of any of them.
typedef struct cipc_address {
    int32_t family;
    /// The port, in the machine's own byte order; vsock has 32 bits of it.
    uint32_t port;
    /// IPv6: the index of the interface that a link-local address belongs to. vsock: the context id.
    uint32_t scope;
    /// Unix: how many bytes the name has; 0 for a socket without one.
    uint32_t name_count;
    /// Unix: whether the name is an abstract one.
    int32_t is_abstract;
    /// The 4 or 16 bytes of an IP address in network order, or the name.
    uint8_t bytes[112];
} cipc_address;

/// What can be set to a number.
enum {
    CIPC_SET_REUSE_ADDRESS,
    CIPC_SET_REUSE_PORT,
    CIPC_SET_NO_DELAY,
    CIPC_SET_KEEP_ALIVE,
    CIPC_SET_KEEP_ALIVE_IDLE,
    CIPC_SET_KEEP_ALIVE_INTERVAL,
    CIPC_SET_KEEP_ALIVE_COUNT,
    CIPC_SET_USER_TIMEOUT,
    CIPC_SET_BROADCAST,
    CIPC_SET_IPV6_ONLY,
    CIPC_SET_MULTICAST_LOOP4,
    CIPC_SET_MULTICAST_LOOP6,
    CIPC_SET_MULTICAST_HOPS4,
    CIPC_SET_MULTICAST_HOPS6,
    CIPC_SET_MULTICAST_INTERFACE6,
    CIPC_SET_MULTICAST_ALL4,
    CIPC_SET_MULTICAST_ALL6,
    CIPC_GET_DOMAIN,
    CIPC_GET_TYPE,
    CIPC_GET_LISTENING,
    CIPC_GET_SEND_BUFFER,
    CIPC_GET_RECEIVE_BUFFER,
};

/// socket(2), close-on-exec and non-blocking; `type` is one of cipc_sock_….
int32_t cipc_socket(int32_t family, int32_t type);
int32_t cipc_bind(int32_t descriptor, const cipc_address *_Nonnull address);
int32_t cipc_connect(int32_t descriptor, const cipc_address *_Nonnull address);
int32_t cipc_local_address(int32_t descriptor, cipc_address *_Nonnull address);
int32_t cipc_remote_address(int32_t descriptor, cipc_address *_Nonnull address);
int32_t cipc_set(int32_t descriptor, int32_t what, int32_t value);
/// getsockopt(2): the value, or a negative errno.
int32_t cipc_get(int32_t descriptor, int32_t what);
/// getsockopt(2) SO_DOMAIN as one of CIPC_FAMILY_….
int32_t cipc_family(int32_t descriptor);
/// SO_LINGER; off where `seconds` is negative.
int32_t cipc_set_linger(int32_t descriptor, int32_t seconds);

/// The text of an IP address as bytes: its family, or -EINVAL.
int32_t cipc_parse_ip(const char *_Nonnull text, cipc_address *_Nonnull address);
/// The bytes of an IP address as text in `text`, which has room for `count` bytes with the final zero.
int32_t cipc_format_ip(const cipc_address *_Nonnull address, char *_Nonnull text, size_t count);
/// getaddrinfo(3), which blocks: how many addresses there are in `found`, or a negative errno.
int32_t cipc_resolve(const char *_Nonnull host, cipc_address *_Nonnull found, int32_t capacity);
/// if_nametoindex(3).
int32_t cipc_interface_index(const char *_Nonnull name);

/// MCAST_JOIN_GROUP or MCAST_LEAVE_GROUP on an interface; 0 lets the kernel choose one.
int32_t cipc_multicast_membership(int32_t descriptor, int32_t joins, const cipc_address *_Nonnull group,
                                  uint32_t interface);
/// IP_MULTICAST_IF with an index.
int32_t cipc_multicast_interface4(int32_t descriptor, uint32_t interface);

/// sendmsg(2) of two pieces as one packet with MSG_NOSIGNAL, to `address` or to whom the socket is connected to.
long cipc_send_packet(int32_t descriptor, const void *_Nullable head, size_t head_count, const void *_Nullable body,
                      size_t body_count, const cipc_address *_Nullable address);
/// recvfrom(2) with MSG_TRUNC: the whole length of the packet, of which at most `count` bytes are there.
long cipc_receive_packet(int32_t descriptor, void *_Nonnull buffer, size_t count, cipc_address *_Nullable sender);

/// The same, with what the kernel says of the process that sent it where SO_PASSCRED is set; user and group are UINT32_MAX
/// where it says nothing.
long cipc_receive_packet_from_whom(int32_t descriptor, void *_Nonnull buffer, size_t count,
                                   cipc_address *_Nonnull sender, cipc_credentials *_Nonnull credentials);
/// SO_PASSCRED: the kernel notes who sends each packet.
int32_t cipc_set_passes_credentials(int32_t descriptor);

/// SO_PEERGROUPS: how many supplementary groups the peer has, of which at most `capacity` are there.
int32_t cipc_peer_groups(int32_t descriptor, uint32_t *_Nonnull groups, int32_t capacity);

#endif
