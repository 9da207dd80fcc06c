import CIPC

/// epoll(7), edge-triggered.
package enum EpollCalls {
    package static let readable = CIPC_EPOLLIN | CIPC_EPOLLRDHUP
    package static let writable = CIPC_EPOLLOUT
    package static let peerClosed = CIPC_EPOLLRDHUP
    package static let hungUp = CIPC_EPOLLHUP | CIPC_EPOLLERR

    package static func create() throws(SystemCallError) -> OwnedDescriptor {
        OwnedDescriptor(owning: Int32(try retrying(.epoll_create1) { cipc_epoll_create() }))
    }

    package static func add(
        _ number: Int32, to poller: Int32, events: UInt32, data: UInt64
    ) throws(SystemCallError) {
        _ = try retrying(.epoll_ctl) { cipc_epoll_add(poller, number, events | CIPC_EPOLLET, data) }
    }

    package static func modify(
        _ number: Int32, in poller: Int32, events: UInt32, data: UInt64
    ) throws(SystemCallError) {
        _ = try retrying(.epoll_ctl) { cipc_epoll_modify(poller, number, events | CIPC_EPOLLET, data) }
    }

    package static func remove(_ number: Int32, from poller: Int32) throws(SystemCallError) {
        _ = try retrying(.epoll_ctl) { cipc_epoll_remove(poller, number) }
    }
}
