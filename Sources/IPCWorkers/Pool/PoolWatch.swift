import IPCSystem

/// Looks after the workers of a pool: which of them have to be replaced, and whether one that should have ended itself for a
/// task has done so. Runs as a child task of the pool's scope, and sleeps while there is nothing to watch.
struct PoolWatch: Sendable {
    /// Nanoseconds between two looks at the memory of workers.
    private static let memoryPeriod: UInt64 = 100_000_000
    /// Nanoseconds that a worker gets to end itself. It does so within milliseconds, unless it is stopped, or its threads
    /// are.
    private static let slack: UInt64 = 2_000_000_000

    private let pool: WorkerPool
    private let recycling: WorkerRecycling
    private let grace: UInt64?

    init(_ pool: WorkerPool) {
        self.pool = pool
        recycling = pool.options.recycling
        grace = pool.options.cancellationGrace?.nanosecondsClamped
    }

    func run() async {
        while !Task.isCancelled {
            let next = min(recycle(), judge())
            do throws(IPCError) {
                try await pool.watchPoint.wait(until: Deadline(nanoseconds: next), "watch workers")
            } catch {
                // Time to look again, or the end.
            }
        }
    }

    // MARK: Recycling

    /// - Returns: when to look again.
    private func recycle() -> UInt64 {
        guard recycling != .never, recycling != WorkerRecycling(tasks: recycling.tasks) else { return .max }
        let memory = recycling.memory == nil ? [:] : residentBytes()
        let now = MonotonicClock.nanoseconds
        var next = recycling.memory == nil ? UInt64.max : now + Self.memoryPeriod
        pool.step { shared, step in
            for lane in 0..<pool.laneCount where shared.dispatcher.lanes[lane].isReady {
                if let limit = recycling.memory, let bytes = memory[lane], bytes > limit {
                    shared.dispatcher.retire(lane, .memory, into: &step)
                }
                if let age = recycling.age {
                    let due = shared.dispatcher.lanes[lane].readyAt.adding(age)
                    if due <= now { shared.dispatcher.retire(lane, .age, into: &step) } else { next = min(next, due) }
                }
                if let idle = recycling.idle, shared.dispatcher.isIdle(lane) {
                    let due = shared.dispatcher.lanes[lane].idleSince.adding(idle)
                    if due <= now { shared.dispatcher.retire(lane, .idle, into: &step) } else { next = min(next, due) }
                }
            }
        }
        return next
    }

    private func residentBytes() -> [Int: Int] {
        var found: [Int: Int] = [:]
        for (lane, link) in pool.shared.withLock({ $0.links }).enumerated() {
            if let link { found[lane] = ProcessMemory.resident(of: link.process.child.processID) }
        }
        return found
    }

    // MARK: Limits of tasks

    /// Kills workers whose task has exceeded its limit by so much that they will not end themselves.
    ///
    /// - Returns: when to look again.
    private func judge() -> UInt64 {
        var next = UInt64.max
        let now = MonotonicClock.nanoseconds
        for lane in 0..<pool.laneCount {
            let (link, limits) = pool.shared.withLock { ($0.links[lane], $0.dispatcher.limits(lane, grace: grace)) }
            guard let link, !limits.isEmpty else { continue }
            guard let running = link.process.journal.running(), let limit = limits[running.id] else {
                // Another task is before it.
                next = min(next, now + Self.slack)
                continue
            }
            let due = limit.due(startedAt: running.start).addingReportingOverflow(Self.slack)
            guard !due.overflow, due.partialValue <= now else {
                next = min(next, due.overflow ? .max : due.partialValue)
                continue
            }
            let isDue = pool.shared.withLock { shared in
                // It may have reacted meanwhile, and runs another task. What is left is the instant before the signal.
                guard shared.links[lane]?.incarnation == link.incarnation,
                    link.process.journal.running()?.id == running.id
                else { return false }
                shared.dispatcher.lanes[lane].verdict = (
                    running.id,
                    IPCError(
                        .timedOut,
                        "run a task: it took longer than its time limit, and its worker did not react; it was killed",
                        object: "process \(link.process.child.processID)")
                )
                return true
            }
            if isDue { link.giveUp() }
            next = min(next, now + Self.slack)
        }
        return next
    }
}

extension UInt64 {
    /// This instant and so much later.
    fileprivate func adding(_ duration: Duration) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(duration.nanosecondsClamped)
        return overflow ? .max : sum
    }
}
