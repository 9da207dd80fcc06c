// epoll(7), edge-triggered.
#ifndef CIPC_EPOLL_H
#define CIPC_EPOLL_H

#include "cipc_types.h"

#define CIPC_EPOLL_BATCH 64

/// The layout of struct epoll_event, which is packed on x86-64 alone.
typedef struct cipc_epoll_event {
    uint32_t events;
    uint64_t data;
}
#if defined(__x86_64__)
__attribute__((packed))
#endif
cipc_epoll_event;

typedef struct cipc_epoll_events {
    cipc_epoll_event event[CIPC_EPOLL_BATCH];
} cipc_epoll_events;

#define CIPC_EPOLLIN 0x1u
#define CIPC_EPOLLOUT 0x4u
#define CIPC_EPOLLERR 0x8u
#define CIPC_EPOLLHUP 0x10u
#define CIPC_EPOLLRDHUP 0x2000u
#define CIPC_EPOLLET 0x80000000u

int32_t cipc_epoll_create(void);
int32_t cipc_epoll_add(int32_t poller, int32_t descriptor, uint32_t events, uint64_t data);
int32_t cipc_epoll_modify(int32_t poller, int32_t descriptor, uint32_t events, uint64_t data);
int32_t cipc_epoll_remove(int32_t poller, int32_t descriptor);

/// epoll_wait(2) issued directly. `milliseconds` is 0 (look) or -1 (wait).
int32_t cipc_epoll_wait(int32_t poller, cipc_epoll_events *_Nonnull events, int32_t milliseconds);

static inline uint64_t cipc_epoll_data(const cipc_epoll_events *_Nonnull events, int32_t index) {
    return events->event[index].data;
}

static inline uint32_t cipc_epoll_bits(const cipc_epoll_events *_Nonnull events, int32_t index) {
    return events->event[index].events;
}

#endif
