import IPCCore
import IPCSystem

/// The events of one scope that nobody has taken yet, at most a given number.
final class SignalInbox: Sendable {
    private struct State {
        var events = ArrayQueue<SignalEvent>()
        var dropped = 0
        var isClosed = false
    }

    /// What was found.
    enum Found {
        case event(SignalEvent)
        case empty
        case closed
    }

    private let capacity: Int
    private let state = Lock(State())
    private let arrived = WaitEngine.shared.makeWaitPoint()
    private let receivers = TaskLock()

    init(capacity: Int) { self.capacity = capacity }

    /// How many events found no room.
    var droppedCount: Int { state.withLock { $0.dropped } }

    func append(_ event: SignalEvent) {
        let isNews = state.withLock { state -> Bool in
            guard !state.isClosed else { return false }
            guard state.events.count < capacity else {
                state.dropped += 1
                return false
            }
            state.events.append(event)
            return true
        }
        if isNews { arrived.signal() }
    }

    /// No more events come; those that are there can still be taken. Whoever waits is told.
    func close() {
        state.withLock { $0.isClosed = true }
        arrived.signal()
    }

    func take() -> Found {
        state.withLock { state in
            if let event = state.events.popFirst() { return .event(event) }
            return state.isClosed ? .closed : .empty
        }
    }

    /// The next event; nil when the inbox is closed and empty. - Throws: `.timedOut`, `.cancelled`.
    func next(until deadline: Deadline) async throws(IPCError) -> SignalEvent? {
        try await receivers.acquire(until: deadline, "wait for a signal")
        defer { _ = receivers.release() }
        while true {
            switch take() {
            case .event(let event): return event
            case .closed: return nil
            case .empty: try await arrived.wait(until: deadline, "wait for a signal")
            }
        }
    }
}
