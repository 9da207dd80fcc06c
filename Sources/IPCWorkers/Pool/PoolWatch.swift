import IPCSystem

/// Looks after the workers of a pool: which of them have to be replaced, whether one that should have ended itself for a
/// task has done so, and whether each begins what it has. Runs as a child task of the pool's scope, and sleeps while there is nothing to watch.
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
        var stalls = StallWatch()
        while !Task.isCancelled {
            let next = min(recycle(), judge(), findStalls(&stalls))
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
            let error = IPCError(
                .timedOut,
                "run a task: it took longer than its time limit, and its worker did not react; it was killed",
                object: "process \(link.process.child.processID)")
            // It may have reacted meanwhile, and runs another task. What is left is the instant before the signal.
            let isDue = condemn(lane, link, WorkerSentence(task: running.id, error: error)) { _ in
                link.process.journal.running()?.id == running.id
            }
            if isDue { link.giveUp() }
            next = min(next, now + Self.slack)
        }
        return next
    }

    /// Notes why a worker is to be killed, if it is still there and `isDue` holds with the pool locked.
    private func condemn(
        _ lane: Int, _ link: WorkerConnection, _ sentence: WorkerSentence, if isDue: (WorkerPool.Shared) -> Bool
    ) -> Bool {
        pool.shared.withLock { shared in
            guard shared.links[lane]?.incarnation == link.incarnation, isDue(shared) else { return false }
            shared.dispatcher.lanes[lane].sentence = sentence
            return true
        }
    }

    // MARK: Workers that do not begin

    /// Kills workers that do not begin what they have. Their tasks go to others.
    ///
    /// - Returns: when to look again.
    private func findStalls(_ stalls: inout StallWatch) -> UInt64 {
        let now = MonotonicClock.nanoseconds
        if stalls.mayLook(at: now) {
            for lane in 0..<pool.laneCount {
                guard let link = pool.shared.withLock({ $0.links[lane] }) else { continue }
                let running = link.process.journal.running()?.id
                let waiting = pool.shared.withLock { $0.dispatcher.oldestUnbegun(lane, running: running) }
                let sight = waiting.map {
                    StallWatch.Sight(incarnation: link.incarnation, waiting: $0, isRunning: running != nil)
                }
                let processID = link.process.child.processID
                guard stalls.isStuck(lane, sight, state: { ProcessState.of(processID) }) else { continue }
                let error = IPCError(
                    .workerCrashed, "run a task: its worker did not begin other tasks that it had, and was killed",
                    object: "process \(processID)")
                let isDue = condemn(lane, link, WorkerSentence(task: nil, error: error)) { shared in
                    let running = link.process.journal.running()?.id
                    return shared.dispatcher.oldestUnbegun(lane, running: running) == waiting
                }
                if isDue { link.giveUp() }
            }
        }
        // Where there is nothing to look at, whoever gives out a task says so.
        let isIdle = pool.shared.withLock { shared in
            shared.dispatcher.wakesWatchAtNextTask = shared.dispatcher.lanes.allSatisfy { $0.assigned.isEmpty }
            return shared.dispatcher.wakesWatchAtNextTask
        }
        return isIdle ? .max : stalls.nextLook
    }
}

extension UInt64 {
    /// This instant and so much later.
    fileprivate func adding(_ duration: Duration) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(duration.nanosecondsClamped)
        return overflow ? .max : sum
    }
}
