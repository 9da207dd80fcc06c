import IPCSync
import IPCSystem

extension StormSubject {
    private static let kinds = 5

    /// Tasks with all of it at once: what they hold they hold across suspensions, and where they wait a thread of the
    /// library sleeps for them.
    static let tasks = StormSubject(
        name: "tasks", processes: 4,
        killPoints: lockPoints + [
            "mutex-before-commit", "mutex-after-commit", "signal-counted", "wait-begins", "wait-sleeps",
            "reader-counted",
            "reader-gone", "writer-looks", "lease-taken", "lease-given", "lease-before-wake", "lease-added-up",
            "semaphore-given",
        ],
        life: .tasks(kinds: kinds) { own in
            let region = try await SyncRegion(at: .file(own.path), .openOrCreate)
            let stormer = TaskStormer(own: own, region: region, kinds: kinds)
            try await withThrowingTaskGroup { group in
                for _ in 0..<3 { group.addTask { try await stormer.lock() } }
                for _ in 0..<2 { group.addTask { try await stormer.queue() } }
                for _ in 0..<2 { group.addTask { try await stormer.readAndWrite() } }
                for _ in 0..<2 { group.addTask { try await stormer.lease() } }
                group.addTask { try await stormer.permits() }
                try await group.waitForAll()
            }
        },
        finish: { own in
            let region = try own.region()
            let record = try region.mutex("record", of: StormRecord.self)
            try require(try record.withLockBlocking(until: soon()) { $0.isWhole }, "the last record is torn")
            let queue = try region.mutex("queue", of: StormQueue.self)
            try require(try queue.withLockBlocking(until: soon()) { $0.isWhole }, "the queue")
            let semaphore = try region.semaphore("leases", .leased, .open, permits: 2)
            for _ in 0..<2 { try semaphore.takeBlocking(until: soon()) }
            try require(try !semaphore.tryTake(), "a third permit")
            let shared = StormShared(tally: own.tally)
            let lock = try region.readWriteLock("shared") { try shared.repairRecord() }
            try lock.writeBlocking(until: soon()) { () throws(IPCError) in }
            try require(try shared.isWhole && lock.readerCount == 0, "the shared record")
        },
        sum: { tally, _ in
            "\(try tally.passed.load()) times told of a death, \(try tally.reported.load()) repairs, "
                + "\(try tally.count(12).load()) reads"
        })
}

/// What the tasks of one process do, each for ever.
private struct TaskStormer: Sendable {
    let own: StormPlace
    let region: SyncRegion
    let kinds: Int

    private func didTurn(_ kind: Int) throws {
        try own.tally.progress.wrappingAdd(1)
        try own.beat(kind, of: kinds)
    }

    func lock() async throws {
        let mutex = try region.mutex("record", of: StormRecord.self, initial: StormRecord())
        let number = UInt64(ProcessFacts.processID)
        while true {
            let guarded = try await mutex.lock()
            let isNews = guarded.previousOwnerDied
            if isNews { try own.tally.passed.wrappingAdd(1) }
            let before = try own.tally.insider.exchange(number)
            if before != 0 && !isNews { try own.tally.intruders.wrappingAdd(1) }
            let isWhole = guarded.value.isWhole
            if !isWhole { try own.tally.torn.wrappingAdd(1) }
            await Task.yield()
            guarded.value.change()
            if try own.tally.insider.exchange(0) != number { try own.tally.intruders.wrappingAdd(1) }
            try guarded.unlock()
            try didTurn(0)
        }
    }

    func queue() async throws {
        let queue = try region.mutex("queue", of: StormQueue.self, initial: StormQueue())
        let (notFull, notEmpty) = (try region.condition("not-full"), try region.condition("not-empty"))
        let produces = own.place % 2 == 0
        while true {
            let guarded = try await queue.lock(when: produces ? notFull : notEmpty) {
                produces ? $0.items < StormQueue.room : $0.items > 0
            }
            let isWhole = guarded.value.isWhole
            if !isWhole { try own.tally.torn.wrappingAdd(1) }
            if produces {
                guarded.value.items += 1
                guarded.value.produced += 1
            } else {
                guarded.value.items -= 1
                guarded.value.consumed += 1
            }
            try guarded.unlock()
            (produces ? notEmpty : notFull).signal()
            try didTurn(1)
        }
    }

    func readAndWrite() async throws {
        let record = StormShared(tally: own.tally)
        let lock = try region.readWriteLock("shared") { try record.repairRecord() }
        var turn = own.place
        while true {
            turn += 1
            if turn % 3 == 0 {
                let guarded = try await lock.lockForWriting()
                if try !record.isWhole { try own.tally.torn.wrappingAdd(1) }
                await Task.yield()
                try record.change()
                try guarded.unlock()
            } else {
                let guarded = try await lock.lockForReading()
                if try !record.isWhole { try own.tally.torn.wrappingAdd(1) }
                await Task.yield()
                try own.tally.count(12).wrappingAdd(1)
                guarded.unlock()
            }
            try didTurn(2)
        }
    }

    func lease() async throws {
        let semaphore = try region.semaphore("leases", .leased, permits: 2)
        while true {
            try await semaphore.take()
            await Task.yield()
            try await semaphore.give()
            try didTurn(3)
        }
    }

    /// Half of the processes give, the others take.
    func permits() async throws {
        let semaphore = try region.semaphore("permits", .plain, permits: 0)
        let gives = own.place % 2 == 0
        while true {
            if gives {
                if semaphore.available > 4 { try await Task.sleep(for: .microseconds(50)) }
                try await semaphore.give()
            } else {
                try await semaphore.take()
            }
            try didTurn(4)
        }
    }
}
