import CBaselines
import IPCSync

/// Locks and conditions between processes.
struct SyncWork {
    private struct Words: PlainData {
        var words: InlineArray<8, UInt64>
    }

    private struct Turn: PlainData {
        var turn: Int
        var isOver: Int
    }

    static let clockInterval: UInt64 = 64

    let assignment: ProcessAssignment

    private var place: SharedMemoryPlace { .named(BoardWork.name(assignment)) }
    var makes: Bool { assignment.side == .initiator }

    /// Does this side's work.
    func perform() async -> cbase_report {
        var report = cbase_report()
        do throws(IPCError) {
            switch assignment.job.work {
            case .lockValue: try await updateValue(&report)
            case .lockTask: try await lockAsTask(&report)
            case .handover: try await handOver(&report)
            case .semaphore: try await takePermits(&report)
            case .semaphoreTurn: try await passPermits(&report)
            case .readLock: try await lockForReading(&report)
            default: try await lock(&report)
            }
            if makes { try SharedMemory.remove(place) }
        } catch {
            unsafe cbase_report_fail(&report, "\(error)", 0)
        }
        return report
    }

    func region() async throws(IPCError) -> SyncRegion {
        let end = cbase_now() + 5_000_000_000
        while true {
            do throws(IPCError) {
                return try await SyncRegion(at: place, makes ? .create : .open)
            } catch {
                guard error.code == .notFound, cbase_now() < end else { throw error }
            }
            await Task.yield()
        }
    }

    /// The mutex over one word, alone or against another process.
    private func lock(_ report: inout cbase_report) async throws(IPCError) {
        let region = try await region()
        let mutex = try region.mutex("word", initial: UInt64(0))
        let done = try region.mutex("done", of: Int.self, initial: 0)
        var turns: UInt64 = 0
        report.started_ns = cbase_now()
        let end = report.started_ns + assignment.nanoseconds
        repeat {
            try mutex.withLockBlocking { $0 &+= 1 }
            turns += 1
        } while turns % Self.clockInterval != 0 || cbase_now() < end
        report.ended_ns = cbase_now()
        report.measured = turns
        guard makes else { return try await done.withLock { $0 = 1 } }
        if assignment.job.work == .lockContended {
            while try await done.withLock({ $0 }) == 0 { await Task.yield() }
        }
        report.measured = try await mutex.withLock { $0 }
        if assignment.job.work == .lock && report.measured != turns {
            unsafe cbase_report_fail(&report, "turns that were lost", 0)
        }
    }

    /// The same by a task.
    private func lockAsTask(_ report: inout cbase_report) async throws(IPCError) {
        let mutex = try await region().mutex("word", initial: UInt64(0))
        var turns: UInt64 = 0
        report.started_ns = cbase_now()
        let end = report.started_ns + assignment.nanoseconds
        repeat {
            try await mutex.withLock { $0 &+= 1 }
            turns += 1
        } while turns % Self.clockInterval != 0 || cbase_now() < end
        report.ended_ns = cbase_now()
        report.measured = turns
        let all = try await mutex.withLock { $0 }
        if all != turns { unsafe cbase_report_fail(&report, "turns that were lost", 0) }
    }

    /// 64 bytes whose change is whole whoever dies.
    private func updateValue(_ report: inout cbase_report) async throws(IPCError) {
        let mutex = try await region().mutex("value", initial: Words(words: .init(repeating: 0)))
        var turns: UInt64 = 0
        report.started_ns = cbase_now()
        let end = report.started_ns + assignment.nanoseconds
        repeat {
            try mutex.withLockBlocking { value in
                for index in value.words.indices { value.words[index] &+= 1 }
            }
            turns += 1
        } while turns % Self.clockInterval != 0 || cbase_now() < end
        report.ended_ns = cbase_now()
        report.measured = turns
        let last = try await mutex.withLock { $0.words[7] }
        if last != turns { unsafe cbase_report_fail(&report, "turns that were lost", 0) }
    }

    /// A turn that goes to the other process and back; both wait on a thread, as the baseline does.
    private func handOver(_ report: inout cbase_report) async throws(IPCError) {
        let region = try await region()
        let mutex = try region.mutex("turn", initial: Turn(turn: 0, isOver: 0))
        let condition = try region.condition("changed")
        let mine = makes ? 0 : 1
        report.started_ns = cbase_now()
        let end = report.started_ns + assignment.nanoseconds
        var isOver = false
        while !isOver {
            let guarded = try mutex.lockBlocking(when: condition) { $0.turn == mine || $0.isOver != 0 }
            if makes && cbase_now() >= end { guarded.value.isOver = 1 }
            isOver = guarded.value.isOver != 0
            if !isOver {
                guarded.value.turn = 1 - mine
                report.measured += 1
            }
            try guarded.unlock()
            condition.signal()
        }
        report.ended_ns = cbase_now()
    }
}
