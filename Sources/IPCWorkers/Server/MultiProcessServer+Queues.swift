import IPCSockets
import IPCSystem

/// Telling workers which queues they serve.
extension MultiProcessServer {
    /// How long to wait before a worker is told again, when it could not be; twice as long after each further attempt, up to
    /// the longest.
    private static let shortestPause = Duration.milliseconds(10)
    private static let longestPause = Duration.seconds(1)

    /// Whether somebody has to begin to tell this worker of its queues. Who is at it already does it once more.
    func beginsAssigning(_ id: ServerRoster.ID) -> Bool {
        state.withLock { state in
            guard state.processes[id] != nil else { return false }
            return state.assigning.updateValue(true, forKey: id) == nil
        }
    }

    /// Tells a worker which queues are its own, until it has heard last what is right now. Each worker has a task for it, so
    /// that one that does not read holds up nobody.
    func assignQueues(to id: ServerRoster.ID) async {
        var pause = Self.shortestPause
        while let (process, queues) = nextAssignment(id) {
            do throws(IPCError) {
                let sockets = try queues.map { queue throws(IPCError) in try queue.listener.duplicateSocket() }
                try await ServerControl.send(.queues(queues.map(\.number)), sockets, to: process.control)
                pause = Self.shortestPause
            } catch {
                // A listener that is closed already is one of a server that ends, and a worker that is gone needs none. Without
                // descriptors, or room in the socket, a later attempt does better.
                guard error.code == .resourceExhausted || error.code == .timedOut, assignAgain(id) else { continue }
                _ = try? await bell.wait(until: .after(pause), "tell a worker of its queues") {
                    mayBeAssigned(id) ? nil : ()
                }
                pause = min(pause * 2, Self.longestPause)
            }
        }
    }

    /// It is to be told, still.
    ///
    /// - Returns: whether it is there to be told.
    private func assignAgain(_ id: ServerRoster.ID) -> Bool {
        state.withLock { state in
            guard state.assigning[id] != nil, state.processes[id] != nil else { return false }
            state.assigning[id] = true
            return true
        }
    }

    private func mayBeAssigned(_ id: ServerRoster.ID) -> Bool {
        state.withLock { state in
            state.processes[id] != nil && state.roster.members[id]?.phase.isLeaving == false
        }
    }

    /// What a worker is to be told now; nil when it has been told.
    private func nextAssignment(_ id: ServerRoster.ID) -> (ServerProcess, [ServerQueues.Queue])? {
        state.withLock { state in
            guard state.assigning[id] == true, let process = state.processes[id], let member = state.roster.members[id],
                !member.phase.isLeaving
            else {
                state.assigning[id] = nil
                return nil
            }
            state.assigning[id] = false
            return (process, state.queues.of(place: process.place, target: state.roster.target))
        }
    }
}
