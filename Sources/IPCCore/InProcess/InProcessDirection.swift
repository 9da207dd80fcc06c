import IPCSystem
import Synchronization

/// One direction of the in-process pair: the state behind its lock, and the waits.
final class InProcessDirection: Sendable {
    private let state: Lock<InProcessState>

    init(capacity: Int) {
        state = Lock(InProcessState(capacity: capacity))
    }

    /// Changes the state, then wakes whoever the change concerns, outside the lock.
    private func change<Result>(_ body: (inout InProcessState) -> sending Result) -> Result {
        let (result, decided) = state.withLock { state in
            let result = body(&state)
            return (result, state.takeDecided())
        }
        for waiter in decided { waiter.point.signal() }
        return result
    }

    /// Throws when nothing can be sent any more.
    func checkSending() throws(IPCError) {
        if let code = state.withLock({ $0.sendFailure }) { throw Self.error(code, "send") }
    }

    func trySend(_ message: [UInt8]) throws(IPCError) -> Bool {
        switch change({ $0.send(message) }) {
        case .sent: return true
        case .full: return false
        case .failed(let code): throw Self.error(code, "send")
        }
    }

    func send(_ message: [UInt8], until deadline: Deadline) async throws(IPCError) {
        if try trySend(message) { return }
        let waiter = InProcessWaiter(WaitEngine.shared.makeWaitPoint())
        let step = change { state in
            let step = state.send(message)
            if case .full = step { state.addSender(waiter, message) }
            return step
        }
        switch step {
        case .sent: return
        case .failed(let code): throw Self.error(code, "send")
        case .full: break
        }
        switch try await outcome(of: waiter, until: deadline, "send") {
        case .failed(let code): throw Self.error(code, "send")
        case .undecided, .sent, .received, .finished: return
        }
    }

    /// Sends as many of `messages` from `first` on as there is room for; returns how many.
    func sendMany(_ messages: [[UInt8]], from first: Int) throws(IPCError) -> Int {
        let (count, failure) = change { state -> (Int, IPCError.Code?) in
            var index = first
            while index < messages.count {
                switch state.send(messages[index]) {
                case .sent: index += 1
                case .full: return (index - first, nil)
                case .failed(let code): return (index - first, code)
                }
            }
            return (index - first, nil)
        }
        // A failure after some were sent shows at the next call.
        if count == 0, let failure { throw Self.error(failure, "send") }
        return count
    }

    func tryReceive() throws(IPCError) -> Received<[UInt8]> {
        switch change({ $0.receive() }) {
        case .received(let message): return .message(message)
        case .empty: return .empty
        case .finished: return .finished
        case .failed(let code): throw Self.error(code, "receive")
        }
    }

    func receive(until deadline: Deadline) async throws(IPCError) -> [UInt8]? {
        switch try tryReceive() {
        case .message(let message): return message
        case .finished: return nil
        case .empty: break
        }
        let waiter = InProcessWaiter(WaitEngine.shared.makeWaitPoint())
        let step = change { state in
            let step = state.receive()
            if case .empty = step { state.addReceiver(waiter) }
            return step
        }
        switch step {
        case .received(let message): return message
        case .finished: return nil
        case .failed(let code): throw Self.error(code, "receive")
        case .empty: break
        }
        switch try await outcome(of: waiter, until: deadline, "receive") {
        case .received(let message): return message
        case .failed(let code): throw Self.error(code, "receive")
        case .undecided, .sent, .finished: return nil
        }
    }

    /// Waits until the outcome is decided. When the wait ends otherwise, the waiter leaves the line; if it was decided
    /// at the same moment, that counts, and nothing is lost.
    private func outcome(
        of waiter: InProcessWaiter, until deadline: Deadline, _ doing: StaticString
    ) async throws(IPCError) -> InProcessWaiter.Outcome {
        while true {
            let outcome = waiter.outcome.withLock { $0 }
            if case .undecided = outcome {
                do {
                    try await waiter.point.wait(until: deadline, doing)
                } catch {
                    if change({ $0.remove(waiter) }) { throw error }
                    return waiter.outcome.withLock { $0 }
                }
            } else {
                return outcome
            }
        }
    }

    func finish() throws(IPCError) {
        if let code = change({ $0.finish() }) { throw Self.error(code, "finish") }
    }

    func closeSender() { change { $0.closeSender() } }

    func closeReceiver() { change { $0.closeReceiver() } }

    private static func error(_ code: IPCError.Code, _ doing: StaticString) -> IPCError {
        switch code {
        case .closed: .closed("\(doing)")
        case .finished: IPCError(.finished, "\(doing): this end has finished; nothing can be sent after that")
        default: IPCError(code, "\(doing): the other side is gone")
        }
    }
}
