public import IPCCore
import IPCSystem
import Synchronization

extension SignalChannel {
    /// Sends one number.
    ///
    /// - Throws: `.timedOut` or `.cancelled` when nothing was sent; `.resourceExhausted` when at the deadline the kernel
    ///   still had no room (RLIMIT_SIGPENDING), nothing was sent either; `.peerClosed`; `.finished`; `.closed`.
    public func send(_ message: Int32, until deadline: Deadline) async throws(IPCError) {
        try await send(.message(byteCount: 4), UInt32(bitPattern: message), until: deadline)
    }

    /// Sends one number if the peer has room for it.
    ///
    /// - Returns: false when it has none, or is not there yet.
    /// - Throws: `.resourceExhausted` when the kernel has no room (RLIMIT_SIGPENDING); else as `send`.
    public func trySend(_ message: Int32) throws(IPCError) -> Bool {
        try trySend(.message(byteCount: 4), UInt32(bitPattern: message))
    }

    /// Tells the peer that no more comes. Waits until the peer is there, and the kernel has room.
    public func finish(until deadline: Deadline) async throws(IPCError) {
        try await sendLock.acquire(until: deadline, "finish")
        defer { endSending() }
        if isFinished.load(ordering: .relaxed) { return }
        try await transmit(.finish, 0, until: deadline, "finish")
        isFinished.store(true, ordering: .releasing)
    }

    func send(_ kind: SignalFrame.Kind, _ value: UInt32, until deadline: Deadline) async throws(IPCError) {
        if !sendLock.tryAcquire() { try await sendLock.acquire(until: deadline, "send") }
        defer { endSending() }
        try await transmit(kind, value, until: deadline, "send")
    }

    func trySend(_ kind: SignalFrame.Kind, _ value: UInt32) throws(IPCError) -> Bool {
        guard sendLock.tryAcquire() else {
            if sendLock.isClosed { throw .closed("send") }
            return false
        }
        defer { endSending() }
        switch try attempt(kind, value, "send") {
        case .sent: return true
        case .noRoom: return false
        case .queueFull: throw .signalQueueFull(signal, "signal channel")
        }
    }

    private enum Outcome {
        case sent, noRoom, queueFull
    }

    /// Behind `sendLock`.
    private func transmit(
        _ kind: SignalFrame.Kind, _ value: UInt32, until deadline: Deadline, _ doing: StaticString
    ) async throws(IPCError) {
        var pace = RetryPace(first: .milliseconds(1), limit: .milliseconds(50))
        while true {
            if sendLock.isClosed { throw .closed("\(doing)") }
            switch try attempt(kind, value, doing) {
            case .sent: return
            case .noRoom:
                lane.poll()
                if hasRoom(kind) { continue }
                try await room.wait(until: deadline, doing)
            case .queueFull:
                do throws(IPCError) {
                    try await pace.pause(at: room, until: deadline, doing)
                } catch {
                    throw error.code == .timedOut ? .signalQueueFull(signal, "signal channel") : error
                }
            }
        }
    }

    private func hasRoom(_ kind: SignalFrame.Kind) -> Bool {
        // The finish has a place of its own behind the last message.
        if kind == .finish { return isOpen.load(ordering: .acquiring) }
        let next = nextSequence.load(ordering: .relaxed)
        let left = SignalFrame.distance(from: next, to: creditLimit.load(ordering: .acquiring))
        return left > 0 && left <= SignalFrame.sequenceMask / 2
    }

    private func attempt(
        _ kind: SignalFrame.Kind, _ value: UInt32, _ doing: StaticString
    ) throws(IPCError) -> Outcome {
        if isFinished.load(ordering: .acquiring) {
            throw IPCError(.finished, "\(doing): this end of the signal channel has finished", object: signal.name)
        }
        if isPeerGone.load(ordering: .acquiring) { throw peerClosed("\(doing)") }
        // What was lost may have been the peer's word that it has room.
        if isLossy.load(ordering: .acquiring) { throw lost("\(doing)") }
        guard hasRoom(kind), let route = peer.withLock({ $0.route }) else { return .noRoom }
        let next = nextSequence.load(ordering: .relaxed)
        do throws(SystemCallError) {
            let frame = SignalFrame(kind, sequence: next, value: value)
            if isHome {
                // The peer may run at once, and answer before this thread looks.
                try queue.collecting(signal) { () throws(SystemCallError) in try route.send(frame) }
            } else {
                try route.send(frame)
            }
        } catch {
            if error.errno == Errno.wouldBlock { return .queueFull }
            if error.errno == Errno.noSuchProcess { throw peerClosed("\(doing)") }
            throw .sendingSignal(error, signal, "process \(route.processID)")
        }
        nextSequence.store((next &+ 1) & SignalFrame.sequenceMask, ordering: .relaxed)
        return .sent
    }
}
