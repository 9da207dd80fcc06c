// Sockets and the control messages that carry descriptors.
#ifndef CIPC_SOCKET_H
#define CIPC_SOCKET_H

#include "cipc_types.h"

/// SCM_MAX_FD: the most descriptors that one message can carry.
#define CIPC_MAXIMUM_DESCRIPTORS 253

/// As many descriptors as the memory for control messages in cipc_receive_message can bring, whatever is in it.
#define CIPC_RECEIVED_CAPACITY (CIPC_MAXIMUM_DESCRIPTORS + 67)

/// What recvmsg(2) delivered beside the bytes.
typedef struct cipc_received {
    int32_t descriptor_count;
    /// MSG_CTRUNC: the kernel dropped part of the control messages.
    int32_t truncated_control;
    int32_t truncated_data;
    int32_t descriptors[CIPC_RECEIVED_CAPACITY];
} cipc_received;

/// SO_PEERCRED.
typedef struct cipc_credentials {
    int32_t process;
    uint32_t user;
    uint32_t group;
} cipc_credentials;

int32_t cipc_socket_unix(int32_t type);
int32_t cipc_socket_pair(int32_t type, int32_t *_Nonnull ends);
int32_t cipc_bind_unix(int32_t descriptor, const char *_Nonnull path, size_t length);
int32_t cipc_connect_unix(int32_t descriptor, const char *_Nonnull path, size_t length);
/// The longest path that sockaddr_un takes, without its final zero.
int32_t cipc_unix_path_limit(void);
int32_t cipc_listen(int32_t descriptor, int32_t backlog);
int32_t cipc_accept(int32_t descriptor);
int32_t cipc_shutdown(int32_t descriptor, int32_t reading, int32_t writing);
int32_t cipc_socket_error(int32_t descriptor);
int32_t cipc_get_option(int32_t descriptor, int32_t level, int32_t option, int32_t *_Nonnull value);
int32_t cipc_set_option(int32_t descriptor, int32_t level, int32_t option, int32_t value);
int32_t cipc_peer_credentials(int32_t descriptor, cipc_credentials *_Nonnull credentials);
/// SO_PEERPIDFD (Linux 6.5).
int32_t cipc_peer_pidfd(int32_t descriptor);
/// SO_PASSRIGHTS (Linux 6.16): whether this socket takes descriptors at all.
int32_t cipc_set_passes_descriptors(int32_t descriptor, int32_t enabled);
int32_t cipc_set_buffer_sizes(int32_t descriptor, int32_t send_bytes, int32_t receive_bytes);

/// sendmsg(2) of two pieces with MSG_NOSIGNAL and the descriptors attached to the first byte.
long cipc_send_with_descriptors(int32_t descriptor, const void *_Nonnull head, size_t head_count,
                                const void *_Nullable body, size_t body_count, const int32_t *_Nonnull descriptors,
                                int32_t descriptor_count);
/// sendmsg(2) of two pieces with MSG_NOSIGNAL.
long cipc_send2(int32_t descriptor, const void *_Nonnull head, size_t head_count, const void *_Nullable body,
                size_t body_count);
/// Adds the descriptors in `count` bytes of control messages to `received`.
void cipc_collect_descriptors(void *_Nonnull control, size_t count, cipc_received *_Nonnull received);
/// recvmsg(2) with MSG_CMSG_CLOEXEC. Every descriptor that arrived is in `received`, whatever the other flags say.
long cipc_receive_message(int32_t descriptor, void *_Nonnull buffer, size_t count, cipc_received *_Nonnull received);

extern const int32_t cipc_sock_stream, cipc_sock_seqpacket, cipc_sock_dgram;

#endif
