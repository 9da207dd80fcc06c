import CBaselines
import IPCSync

/// Semaphores and read-write locks; on a thread, as the baselines do it.
extension SyncWork {
    /// A permit that is taken and given back.
    func takePermits(_ report: inout cbase_report) async throws(IPCError) {
        let semaphore = try await region().semaphore("permits", .plain, permits: 1)
        var turns: UInt64 = 0
        report.started_ns = cbase_now()
        let end = report.started_ns + assignment.nanoseconds
        repeat {
            try semaphore.takeBlocking()
            try semaphore.giveBlocking()
            turns += 1
        } while turns % Self.clockInterval != 0 || cbase_now() < end
        report.ended_ns = cbase_now()
        report.measured = turns
        if semaphore.available != 1 { unsafe cbase_report_fail(&report, "permits that were lost", 0) }
    }

    /// A permit goes to the other process, and one comes back.
    func passPermits(_ report: inout cbase_report) async throws(IPCError) {
        let region = try await region()
        let there = try region.semaphore("there", .plain, permits: 0)
        let back = try region.semaphore("back", .plain, permits: 0)
        let over = try region.semaphore("over", .plain, permits: 0)
        report.started_ns = cbase_now()
        let end = report.started_ns + assignment.nanoseconds
        var isOver = false
        while !isOver {
            if makes {
                isOver = cbase_now() >= end
                if isOver { try over.giveBlocking() }
                try there.giveBlocking()
                if !isOver { try back.takeBlocking() }
            } else {
                try there.takeBlocking()
                isOver = over.available != 0
                if !isOver { try back.giveBlocking() }
            }
            if !isOver { report.measured += 1 }
        }
        report.ended_ns = cbase_now()
    }

    /// A lock for reading over one word.
    func lockForReading(_ report: inout cbase_report) async throws(IPCError) {
        let lock = try await region().readWriteLock("word")
        let word: UInt64 = 1
        var sum: UInt64 = 0
        var turns: UInt64 = 0
        report.started_ns = cbase_now()
        let end = report.started_ns + assignment.nanoseconds
        do throws(LockError<Never>) {
            repeat {
                sum &+= try lock.readBlocking { word }
                turns += 1
            } while turns % Self.clockInterval != 0 || cbase_now() < end
        } catch {
            switch error {
            case .lock(let error): throw error
            case .body: break
            }
        }
        report.ended_ns = cbase_now()
        report.measured = turns
        if sum != turns || lock.readerCount != 0 { unsafe cbase_report_fail(&report, "reads that were lost", 0) }
    }
}
