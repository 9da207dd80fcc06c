// The socket on which services say that they are ready. sd_notify(3).
#ifndef CIPC_NOTIFY_H
#define CIPC_NOTIFY_H

#include "cipc_socket.h"
#include "cipc_types.h"

/// A datagram socket with an abstract name, whose messages come with their sender (SO_PASSCRED).
int32_t cipc_notify_open(const char *_Nonnull name, size_t length);
/// One datagram from a socket of its own; -EAGAIN when the receiver's queue is full.
int32_t cipc_notify_send(
    const char *_Nonnull name, size_t length, int32_t is_abstract, const void *_Nonnull bytes, size_t count);
/// The bytes of a datagram and who sent it; process 0 when the kernel did not say. Descriptors that came along are closed,
/// and of a datagram that is too long 0 bytes are delivered. -EAGAIN when there is none.
int32_t cipc_notify_receive(
    int32_t descriptor, void *_Nonnull bytes, size_t size, cipc_credentials *_Nonnull sender);

#endif
