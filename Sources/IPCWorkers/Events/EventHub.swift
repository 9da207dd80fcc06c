import IPCSystem
import Synchronization

/// Tells events to everybody who listens. Who does not take them loses the oldest.
final class EventHub<Event: Sendable>: Sendable {
    /// Events that wait for one listener at most.
    private static var capacity: Int { 1024 }

    private struct State {
        var listeners: [Int: AsyncStream<Event>.Continuation] = [:]
        var last = 0
        var isOver = false
    }

    private let state = Lock(State())

    /// The events from now on.
    func subscribe() -> AsyncStream<Event> {
        let (stream, continuation) = AsyncStream<Event>.makeStream(bufferingPolicy: .bufferingNewest(Self.capacity))
        let id = state.withLock { state -> Int? in
            guard !state.isOver else { return nil }
            state.last += 1
            state.listeners[state.last] = continuation
            return state.last
        }
        guard let id else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in
            _ = self?.state.withLock { $0.listeners.removeValue(forKey: id) }
        }
        return stream
    }

    func emit(_ event: Event) {
        for listener in state.withLock({ Array($0.listeners.values) }) { listener.yield(event) }
    }

    /// The events are over.
    func finish() {
        let listeners = state.withLock { state in
            state.isOver = true
            defer { state.listeners = [:] }
            return Array(state.listeners.values)
        }
        for listener in listeners { listener.finish() }
    }
}
