// When a worker has to leave, and what it may not exceed.
extension Dispatcher {
    /// A worker is to be replaced: it gets no more tasks, and leaves when it has none.
    mutating func retire(_ lane: Int, _ reason: Retirement, into step: inout Step) {
        guard lanes[lane].isReady, lanes[lane].retirement == nil else { return }
        lanes[lane].retirement = reason
        leaveIfIdle(lane, into: &step)
    }

    func isIdle(_ lane: Int) -> Bool { lanes[lane].isReady && lanes[lane].assigned.isEmpty }

    mutating func becameIdle(_ lane: Int, at now: UInt64, into step: inout Step) {
        lanes[lane].idleSince = now
        leaveIfIdle(lane, into: &step)
        if watchesIdleness { step.wakesWatch = true }
    }

    private mutating func leaveIfIdle(_ lane: Int, into step: inout Step) {
        guard lanes[lane].retirement != nil, isIdle(lane), !lanes[lane].isLeaving else { return }
        lanes[lane].isLeaving = true
        step.lanesToFinish[lane] = lanes[lane].incarnation
    }

    /// A place has no worker, and gets none before there is work.
    ///
    /// - Returns: false when there is work.
    mutating func sleep(_ lane: Int) -> Bool {
        lanes[lane].isDormant = waiting.isEmpty && failure == nil
        return lanes[lane].isDormant
    }

    /// The oldest task of a worker but the one that it runs.
    func oldestUnbegun(_ lane: Int, running: UInt64?) -> UInt64? {
        var assigned = lanes[lane].assigned
        while let next = assigned.popFirst() {
            if next.id != running { return next.id }
        }
        return nil
    }

    /// How long tasks of a worker may run, by their numbers, in nanoseconds from their starts: those with a limit, and those
    /// that were given up, if there is a `grace` for them.
    func limits(_ lane: Int, grace: UInt64?) -> [UInt64: TaskLimit] {
        var limits: [UInt64: TaskLimit] = [:]
        var assigned = lanes[lane].assigned
        assigned.mutateEach { assignment in
            let limit = TaskLimit(
                time: assignment.task.timeLimit,
                end: assignment.isAbandoned ? grace.map { assignment.abandonedAt &+ $0 } : nil)
            if limit.time != nil || limit.end != nil { limits[assignment.id] = limit }
        }
        return limits
    }
}

/// How long one task may run.
struct TaskLimit: Sendable {
    /// Nanoseconds from its start.
    var time: UInt64?
    /// An instant, if it has been given up.
    var end: UInt64?

    /// When it is over for a task that started at `start`.
    func due(startedAt start: UInt64) -> UInt64 {
        let byTime = time.map { start.addingReportingOverflow($0) }.map { $0.overflow ? .max : $0.partialValue } ?? .max
        // Who was given up before its start is not due before it.
        return min(byTime, end.map { max($0, start) } ?? .max)
    }
}
