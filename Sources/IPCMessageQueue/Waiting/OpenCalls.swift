import IPCCore
import IPCSystem
import Synchronization

/// The blocking calls of one object that go on, so that closing it ends them, and what has ended for it.
final class OpenCalls: Sendable {
    private struct State {
        var calls: [BlockedCall] = []
        var isClosed = false
    }

    private let state = Lock(State())
    private let finished = Atomic<Bool>(false)

    /// Whether the object was closed.
    var isClosed: Bool { state.withLock { $0.isClosed } }

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
        let call = BlockedCall()
        let isClosed = state.withLock { state in
            if !state.isClosed { state.calls.append(call) }
            return state.isClosed
        }
        if isClosed { throw .closed("\(doing)") }
        return call
    }

    func end(_ call: BlockedCall) {
        state.withLock { state in
            guard let index = state.calls.firstIndex(where: { $0 === call }) else { return }
            state.calls.remove(at: index)
        }
    }

    /// Ends all calls, and those to come. - Returns: false when that was so before.
    @discardableResult
    func close() -> Bool {
        let (calls, isFirst) = state.withLock { state -> ([BlockedCall], Bool) in
            let found = (state.calls, !state.isClosed)
            state = State(calls: [], isClosed: true)
            return found
        }
        for call in calls { call.interrupt() }
        return isFirst
    }
}
