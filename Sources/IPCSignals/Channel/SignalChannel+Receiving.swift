public import IPCCore
import IPCSystem
import Synchronization

extension SignalChannel {
    /// The next number; waits for it. Nil when the peer has finished. Fewer than 4 bytes, which a peer may send by
    /// ``bytes``, are its low bytes.
    ///
    /// - Throws: `.timedOut` or `.cancelled` when nothing was taken; `.peerClosed` when the peer died or closed without a
    ///   finish, after what it sent; `.closed`; `.protocolViolation` when the peer sent more than it had room for;
    ///   `.resourceExhausted` when others flooded this process with the signal so that messages were lost.
    public func receive(until deadline: Deadline) async throws(IPCError) -> Int32? {
        try await receiveFrame(until: deadline).map { Int32(bitPattern: $0.value) }
    }

    /// The next number if one is there.
    public func tryReceive() throws(IPCError) -> Received<Int32> {
        switch try tryReceiveFrame() {
        case .message(let frame): .message(Int32(bitPattern: frame.value))
        case .empty: .empty
        case .finished: .finished
        }
    }

    typealias Content = (byteCount: UInt32, value: UInt32)

    func receiveFrame(until deadline: Deadline) async throws(IPCError) -> Content? {
        if !receiveLock.tryAcquire() { try await receiveLock.acquire(until: deadline, "receive") }
        defer { endReceiving() }
        var found = try take()
        if found == nil {
            settle()
            found = try lookBeforeSleeping()
            if found != nil, spinning.policy.takesBreak() { await Task.yield() }
        } else {
            spinning.sawStream()
        }
        while found == nil {
            try await arrived.wait(until: deadline, "receive")
            if receiveLock.isClosed { throw .closed("receive") }
            found = try take()
        }
        return try content(found)
    }

    func tryReceiveFrame() throws(IPCError) -> Received<Content> {
        guard receiveLock.tryAcquire() else {
            if receiveLock.isClosed { throw .closed("receive") }
            return .empty
        }
        defer { endReceiving() }
        var found = try take()
        if found == nil { found = try look() }
        guard let found else { return .empty }
        return try content(found).map { .message($0) } ?? .finished
    }

    /// Looks at once, and again for a while if that has paid off lately: in the kernel's queue on the thread that the
    /// signals come to, where no handler is needed then.
    private func lookBeforeSleeping() throws(IPCError) -> SignalWindow.Taken? {
        if isHome {
            var hasLooked = false
            let found = try queue.holding(signal) { hasDelivered throws(IPCError) in
                hasLooked = true
                if hasDelivered, let found = try take() { return found }
                if let found = try lookInQueue() { return found }
                return try spinning.policy.lookAgain(.shared) { () throws(IPCError) in try lookInQueue() }
            }
            if let found { return found }
            // What its handler wrote, if the signal came as the hold ended.
            if hasLooked { return try look() }
        }
        if let found = try look() { return found }
        return try spinning.policy.lookAgain(.shared) { () throws(IPCError) in try look() }
    }

    private func lookInQueue() throws(IPCError) -> SignalWindow.Taken? {
        queue.take(signal)
        return try take()
    }

    /// Reads the pipe, as the library's own task would do a moment later.
    private func look() throws(IPCError) -> SignalWindow.Taken? {
        lane.poll()
        return try take()
    }

    /// What is next in the order; nil when it is not there yet.
    private func take() throws(IPCError) -> SignalWindow.Taken? {
        let (taken, credit) = window.withLock { $0.take() }
        if let credit { grant(credit) }
        return taken == .empty ? nil : taken
    }

    /// Nil for the end.
    private func content(_ taken: SignalWindow.Taken?) throws(IPCError) -> Content? {
        switch taken {
        case .message(let byteCount, let value): return (byteCount, value)
        case .finished, .empty, nil: return nil
        case .gone: throw peerClosed("receive")
        case .violated:
            throw IPCError(
                .protocolViolation, "receive: the peer sent more than there was room for", object: signal.name)
        case .lost:
            throw lost("receive")
        }
    }
}
