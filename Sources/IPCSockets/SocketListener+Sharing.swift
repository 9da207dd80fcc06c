package import IPCCore
import Synchronization

/// For several processes that accept on one socket.
extension SocketListener {
    /// A duplicate of the listening socket, for another process that accepts beside this one. The name stays here.
    ///
    /// - Throws: `.closed`; `.resourceExhausted` when no descriptor is free.
    package func duplicateSocket() throws(IPCError) -> PassedDescriptor {
        try stream.withNumber("share a listener") { number throws(IPCError) in
            try PassedDescriptor(duplicating: number)
        }
    }

    /// Lets `accept` return nil from now on, and leaves the socket open. A connection that was taken out of the queue is still
    /// handed over.
    ///
    /// - Parameter emptiesQueue: whether those who wait in the kernel's queue now are accepted first; otherwise they stay there
    ///   for the other processes that have the socket.
    package func stopAccepting(emptiesQueue: Bool) {
        stopping.store(emptiesQueue ? Stopping.whenEmpty : Stopping.now, ordering: .sequentiallyConsistent)
        stream.registration.readable.signal()
        connections.vacancy.signal()
    }

    /// Values of `stopping`.
    enum Stopping {
        static let never: UInt8 = 0
        static let whenEmpty: UInt8 = 1
        static let now: UInt8 = 2
    }

    /// Whether no more connections are to be taken out of the queue.
    var hasStopped: Bool { stopping.load(ordering: .sequentiallyConsistent) == Stopping.now }

    /// Whether none are to be waited for.
    var isStopping: Bool { stopping.load(ordering: .sequentiallyConsistent) != Stopping.never }
}
