import IPCCore
import IPCSystem
import Synchronization

/// The blocking calls of one object that go on, so that closing it ends them, and what has ended for it.
final class OpenCalls: Sendable {
    private struct State {
        var calls: [BlockedCall] = []
        /// One that has ended, for the next to use.
        var idle: BlockedCall?
    }

    private let state = Lock(State())
    /// Changed while `state` is locked.
    private let closed = Atomic<Bool>(false)
    private let finished = Atomic<Bool>(false)

    /// Whether the object was closed.
    var isClosed: Bool { closed.load(ordering: .acquiring) }

    /// No more is sent through the object.
    func finish() { finished.store(true, ordering: .releasing) }

    /// - Throws: `.closed`; `.finished`.
    func checkSending() throws(IPCError) {
        try checkOpen("send")
        if finished.load(ordering: .acquiring) {
            throw IPCError(.finished, "send: this queue's object has finished; open another one")
        }
    }

    /// - Throws: `.closed`.
    func checkOpen(_ doing: StaticString) throws(IPCError) {
        if isClosed { throw .closed("\(doing)") }
    }

    /// A call that `close` ends. It is taken off by `end`. - Throws: `.closed`.
    func begin(_ doing: StaticString) throws(IPCError) -> BlockedCall {
        let call = state.withLock { state -> BlockedCall? in
            if isClosed { return nil }
            let call = state.idle.take() ?? BlockedCall()
            state.calls.append(call)
            return call
        }
        guard let call else { throw .closed("\(doing)") }
        return call
    }

    func end(_ call: BlockedCall) {
        state.withLock { state in
            // One that is not there is in the hands of `close`.
            guard let index = state.calls.lastIndex(where: { $0 === call }) else { return }
            state.calls.remove(at: index)
            guard state.idle == nil else { return }
            call.reset()
            state.idle = call
        }
    }

    /// Ends all calls, and those to come. - Returns: false when that was so before.
    @discardableResult
    func close() -> Bool {
        let ended = state.withLock { state -> [BlockedCall]? in
            guard !closed.exchange(true, ordering: .acquiringAndReleasing) else { return nil }
            defer { state = State() }
            return state.calls
        }
        ended?.forEach { $0.interrupt() }
        return ended != nil
    }
}
