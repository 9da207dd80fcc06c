import IPCCore
import IPCSystem
import Synchronization

/// The blocking calls of one object that go on, so that closing it ends them, and what has ended for it.
final class OpenCalls: Sendable {
    private let calls = Lock<[BlockedCall]>([])
    /// Changed while `calls` is locked.
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
        let call = BlockedCall()
        let isAccepted = calls.withLock { calls in
            if isClosed { return false }
            calls.append(call)
            return true
        }
        guard isAccepted else { throw .closed("\(doing)") }
        return call
    }

    func end(_ call: BlockedCall) {
        calls.withLock { calls in
            guard let index = calls.firstIndex(where: { $0 === call }) else { return }
            calls.remove(at: index)
        }
    }

    /// Ends all calls, and those to come. - Returns: false when that was so before.
    @discardableResult
    func close() -> Bool {
        let ended = calls.withLock { calls -> [BlockedCall]? in
            guard !closed.exchange(true, ordering: .acquiringAndReleasing) else { return nil }
            defer { calls = [] }
            return calls
        }
        ended?.forEach { $0.interrupt() }
        return ended != nil
    }
}
