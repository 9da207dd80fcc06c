import IPCSystem
import Synchronization

/// What all supervisors of one tree have in common.
final class SupervisionShared: Sendable {
    let hub = EventHub<SupervisorEvent>()
    /// Rings at every change anywhere in the tree.
    let bell = ChangeBell()

    private struct State {
        var isHurrying = false
        var stops: [Int: Task<Void, Never>] = [:]
        var last = 0
    }

    private let state = Lock(State())

    func tell(_ event: SupervisorEvent) {
        switch event {
        case .crashed(_, let error), .gaveUp(_, let error):
            IPCObservation.emit(.log(level: .error, message: "\(error)"))
        case .unhealthy(let path, let reason):
            IPCObservation.emit(.log(level: .warning, message: "\(path) is not well: \(reason)"))
        default: break
        }
        hub.emit(event)
    }

    /// Ends a process with all of its group; at once when there is no more time.
    func end(_ child: ChildProcess, grace: Duration) async {
        let task = Task(executorPreference: IPCExecutor.shared) { _ = try? await child.terminate(grace: grace) }
        let (id, isHurrying) = state.withLock { state in
            state.last += 1
            state.stops[state.last] = task
            return (state.last, state.isHurrying)
        }
        // Its cancellation cuts the grace short, and nothing else.
        if isHurrying { task.cancel() }
        await task.value
        _ = state.withLock { $0.stops.removeValue(forKey: id) }
    }

    /// No more grace for anybody.
    func hurry() {
        let stops = state.withLock { state in
            state.isHurrying = true
            return Array(state.stops.values)
        }
        for stop in stops { stop.cancel() }
    }
}
