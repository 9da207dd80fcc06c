import IPCCore
import IPCSystem

/// A value that comes once, for tasks and for threads to wait for.
final class Outcome<Value: Sendable>: Sendable {
    private struct State {
        var value: Value?
        var points: [WaitPoint] = []
    }

    private let state = Lock(State())
    private let isSettled = FutexWord()

    /// The value, once it is there.
    var value: Value? { state.withLock { $0.value } }

    /// Gives the value to everybody who waits and who will. The first one counts.
    func settle(_ value: Value) {
        let points = state.withLock { state -> [WaitPoint] in
            guard state.value == nil else { return [] }
            state.value = value
            defer { state.points = [] }
            return state.points
        }
        isSettled.store(1)
        isSettled.wake(.max)
        for point in points { point.signal() }
    }

    /// Waits for the value on the calling thread.
    func wait(until deadline: Deadline, _ doing: StaticString) throws(IPCError) -> Value {
        while true {
            if let value { return value }
            if deadline.hasPassed { throw .timedOut("\(doing)") }
            isSettled.wait(while: 0, until: deadline.nanoseconds)
        }
    }

    /// Waits for the value. What comes at the moment of a time-out or a cancellation is delivered.
    func value(until deadline: Deadline, _ doing: StaticString) async throws(IPCError) -> Value {
        if let value { return value }
        let point = WaitEngine.shared.makeWaitPoint()
        let early = state.withLock { state -> Value? in
            if state.value == nil { state.points.append(point) }
            return state.value
        }
        if let early { return early }
        while true {
            do {
                try await point.wait(until: deadline, doing)
            } catch {
                if let value = leave(point) { return value }
                throw error
            }
            if let value { return value }
        }
    }

    private func leave(_ point: WaitPoint) -> Value? {
        state.withLock { state in
            state.points.removeAll { $0 === point }
            return state.value
        }
    }
}
