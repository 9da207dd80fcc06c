#include "CIPC.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

_Static_assert(sizeof(cipc_epoll_event) == sizeof(struct epoll_event), "the layouts must agree");
_Static_assert(CIPC_EPOLLIN == EPOLLIN && CIPC_EPOLLOUT == EPOLLOUT && CIPC_EPOLLERR == EPOLLERR &&
                   CIPC_EPOLLHUP == EPOLLHUP && CIPC_EPOLLRDHUP == EPOLLRDHUP && CIPC_EPOLLET == EPOLLET,
               "the constants must agree");

int32_t cipc_epoll_create(void) {
    int result = epoll_create1(EPOLL_CLOEXEC);
    return result < 0 ? -errno : result;
}

static int32_t control(int32_t poller, int operation, int32_t descriptor, uint32_t events, uint64_t data) {
    struct epoll_event event = {.events = events, .data = {.u64 = data}};
    return epoll_ctl(poller, operation, descriptor, &event) < 0 ? -errno : 0;
}

int32_t cipc_epoll_add(int32_t poller, int32_t descriptor, uint32_t events, uint64_t data) {
    return control(poller, EPOLL_CTL_ADD, descriptor, events, data);
}

int32_t cipc_epoll_modify(int32_t poller, int32_t descriptor, uint32_t events, uint64_t data) {
    return control(poller, EPOLL_CTL_MOD, descriptor, events, data);
}

int32_t cipc_epoll_remove(int32_t poller, int32_t descriptor) {
    return control(poller, EPOLL_CTL_DEL, descriptor, 0, 0);
}

int32_t cipc_epoll_wait(int32_t poller, cipc_epoll_events *events, int32_t milliseconds) {
    // arm64 has no epoll_wait, only epoll_pwait; without a mask the two are the same.
    return (int32_t)cipc_syscall6(SYS_epoll_pwait, poller, (long)events, CIPC_EPOLL_BATCH, milliseconds, 0, 8);
}
