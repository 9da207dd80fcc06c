import IPCSystem

/// How much of a map is between its two ends: what was handed in, what was given out, and how much more may be.
struct MapFlow: Sendable {
    /// Bytes of arguments that are handed in at once.
    static let byteBudget = 16 << 20
    /// Bytes of arguments and results that may be between the two ends beyond the least number of tasks: each is copied
    /// several times on its way, which is slow once all of them together do not fit into the caches.
    static let openByteBudget = 6 << 20

    private(set) var issued = 0
    private(set) var given = 0
    private var issuedBytes = 0
    private var takenBytes = 0

    /// Tasks that were handed in and not given out.
    var open: Int { issued - given }

    mutating func issue(_ count: Int, bytes: Int) {
        issued += count
        issuedBytes += bytes
    }

    mutating func take(_ results: [MapSession.Result]) {
        for result in results {
            if case .value(let bytes) = result.outcome { takenBytes += bytes.count }
        }
    }

    mutating func give() { given += 1 }

    /// How many tasks may be handed in and not given out.
    func limit(in pool: WorkerPool) -> Int {
        let lookAhead = pool.lookAhead
        guard issued > 0 else { return lookAhead }
        let each = max(1, issuedBytes / issued + takenBytes / max(1, given))
        return min(lookAhead, max(2 * pool.laneCount, Self.openByteBudget / each))
    }
}

extension MapPlan {
    /// Hands tasks in; the first of them has the index `first`.
    func submit<Work: WorkerTask>(
        _ tasks: [(bytes: TaskBytes, timeLimit: UInt64?)], type: Int, first: Int, to session: MapSession,
        _: Work.Type
    ) {
        let now = MonotonicClock.nanoseconds
        pool.step { shared, step in
            let submissions = tasks.enumerated().map { offset, task in
                Dispatcher<WorkerPool.TaskOwner>.Submission(
                    owner: .map(session, index: first + offset), type: type, bytes: task.bytes,
                    attempts: max(1, Work.maximumAttempts), priority: priority, timeLimit: task.timeLimit)
            }
            shared.dispatcher.submit(submissions, at: now, into: &step)
        }
    }

    /// Gives up what is on its way.
    func abandon(_ session: MapSession) {
        pool.abandon {
            if case .map(let owner, _) = $0 { owner === session } else { false }
        }
    }
}
