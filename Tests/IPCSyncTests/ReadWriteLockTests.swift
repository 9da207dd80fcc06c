import IPCProcess
import IPCSharedMemory
import IPCSystem
import TestSupport
import Testing

@testable import IPCSync

/// A guard that stays when its task is over. One task at a time uses it.
private final class KeptGuard: @unchecked Sendable {
    var held: ProcessReadWriteLock.WriteGuard?
}

@Suite(.watched) struct ReadWriteLockTests {
    private struct Unrepairable: Error {}

    private func canRead(_ lock: ProcessReadWriteLock) throws(IPCError) -> Bool {
        guard let reading = try lock.tryRead() else { return false }
        reading.unlock()
        return true
    }

    @Test func readersShareAndWritersDoNot() async throws {
        try await withSyncRegion { _, region in
            let lock = try region.readWriteLock("lock")
            let one = try await lock.lockForReading()
            let other = try await lock.lockForReading()
            #expect(lock.readerCount == 2)
            #expect(
                await Interop.code { _ = try await lock.lockForWriting(until: .after(.milliseconds(20))) } == .timedOut)
            #expect(await Interop.code { try await lock.read { () throws(IPCError) in } } == nil)
            one.unlock()
            let writing = Task { await Interop.code { try await lock.write { () throws(IPCError) in } } }
            while lock.writer == nil { try await Task.sleep(for: .milliseconds(1)) }
            // Writers go first.
            #expect(
                await Interop.code { _ = try await lock.lockForReading(until: .after(.milliseconds(20))) } == .timedOut)
            other.unlock()
            #expect(await writing.value == nil)
            #expect(lock.readerCount == 0)
            #expect(lock.writer == nil)
        }
    }

    @Test func aKilledReaderLetsTheWriterIn() async throws {
        try await withSyncRegion { name, region in
            let lock = try region.readWriteLock("lock")
            for _ in 0..<5 {
                try await Interop.whileHelper(["object-readwrite-hold", name, "read"], says: "held") { child in
                    let writing = Task {
                        await Interop.code { _ = try await lock.lockForWriting(until: .after(.seconds(60))) }
                    }
                    while lock.writer == nil { try await Task.sleep(for: .milliseconds(1)) }
                    _ = try await child.kill()
                    #expect(await writing.value == nil)
                }
            }
        }
    }

    @Test(arguments: ["reader", "writer"]) func aKilledWritersWorkIsRepairedOnce(_ next: String) async throws {
        try await withSyncRegion { name, region in
            let repairs = Lock(0)
            let lock = try region.readWriteLock("lock") { repairs.withLock { $0 += 1 } }
            for round in 1...5 {
                try await Interop.whileHelper(["object-readwrite-hold", name, "write"], says: "held") { child in
                    #expect(lock.writer?.processID == child.processID)
                    _ = try await child.kill()
                    for _ in 0..<2 {
                        if next == "reader" {
                            try await lock.read(until: .after(.seconds(60))) { () throws(IPCError) in }
                        } else {
                            try await lock.write(until: .after(.seconds(60))) { () throws(IPCError) in }
                        }
                    }
                }
                #expect(repairs.withLock { $0 } == round)
            }
        }
    }

    @Test func withoutARepairItIsPoisonedUntilThereIsOne() async throws {
        try await withSyncRegion { name, region in
            let lock = try region.readWriteLock("lock")
            try await Interop.whileHelper(["object-readwrite-hold", name, "write"], says: "held") { _ in }
            for _ in 0..<2 {
                #expect(
                    await Interop.code { _ = try await lock.lockForReading(until: .after(.seconds(60))) } == .poisoned)
                #expect(
                    await Interop.code { _ = try await lock.lockForWriting(until: .after(.seconds(60))) } == .poisoned)
            }
            await #expect(throws: LockError<Unrepairable>.self) {
                try await lock.repair { () throws(Unrepairable) in throw Unrepairable() }
            }
            #expect(lock.isPoisoned)
            try await lock.repair { () throws(IPCError) in }
            try await lock.read { () throws(IPCError) in }
        }
    }

    /// Who takes over from a dead writer, and gives up because somebody reads, leaves the repair to the next one.
    @Test func aDeathIsNotForgottenByWhoGivesUp() async throws {
        try await withSyncRegion { name, region in
            let repairs = Lock(0)
            let lock = try region.readWriteLock("lock") { repairs.withLock { $0 += 1 } }
            let reading = try await lock.lockForReading()
            // The helper has the writer's word and waits for the reader when it is killed.
            let child = try await ChildProcess.spawn(
                .path(Interop.helperPath), arguments: ["object-readwrite-hold", name, "write"],
                options: ChildProcess.Options(standardOutput: .null))
            while lock.writer == nil { try await Task.sleep(for: .milliseconds(1)) }
            _ = try await child.kill()
            #expect(
                await Interop.code { _ = try await lock.lockForWriting(until: .after(.milliseconds(50))) } == .timedOut)
            reading.unlock()
            try await lock.write(until: .after(.seconds(60))) { () throws(IPCError) in }
            #expect(repairs.withLock { $0 } == 1)
        }
    }

    /// Nobody else comes, so nobody but the one who tries can repair.
    @Test func whoTriesToReadRepairsToo() async throws {
        try await withSyncRegion { name, region in
            let repairs = Lock(0)
            let lock = try region.readWriteLock("lock") { repairs.withLock { $0 += 1 } }
            try await Interop.whileHelper(["object-readwrite-hold", name, "write"], says: "held") { child in
                #expect(try !canRead(lock))
                _ = try await child.kill()
            }
            // It is reaped, so all of it is gone.
            #expect(try canRead(lock))
            #expect(repairs.withLock { $0 } == 1 && lock.readerCount == 0 && lock.writer == nil)
        }
    }

    /// Who tries while others read leaves the repair to a later one.
    @Test func whoTriesToReadAmongReadersLeavesTheRepair() async throws {
        try await withSyncRegion { name, region in
            let repairs = Lock(0)
            let lock = try region.readWriteLock("lock") { repairs.withLock { $0 += 1 } }
            let reading = try await lock.lockForReading()
            let child = try await ChildProcess.spawn(
                .path(Interop.helperPath), arguments: ["object-readwrite-hold", name, "write"],
                options: ChildProcess.Options(standardOutput: .null))
            while lock.writer == nil { try await Task.sleep(for: .milliseconds(1)) }
            _ = try await child.kill()
            for _ in 0..<2 {
                #expect(try !canRead(lock))
            }
            #expect(repairs.withLock { $0 } == 0 && lock.writer == nil)
            reading.unlock()
            #expect(try canRead(lock))
            #expect(repairs.withLock { $0 } == 1)
        }
    }

    /// A guard may be let go of elsewhere, so who took it and waits for it waits for others, not for itself.
    @Test func aGuardForWritingBelongsToNoThread() async throws {
        try await withSyncRegion { _, region in
            let lock = try region.readWriteLock("lock")
            @Sendable func waitsInVain() -> IPCError.Code? {
                do throws(IPCError) {
                    _ = try lock.lockForWritingBlocking(until: .after(.milliseconds(10)))
                    return nil
                } catch {
                    return error.code
                }
            }
            let codes = try await onThread { () -> [IPCError.Code?] in
                guard let tried = try lock.tryWrite() else { return [] }
                let first = waitsInVain()
                try tried.unlock()
                let waited = try lock.lockForWritingBlocking()
                let second = waitsInVain()
                try waited.unlock()
                return [first, second]
            }
            #expect(codes == [.timedOut, .timedOut])
        }
    }

    /// A guard may outlive the task that took it, and the next task may lie where that one was.
    @Test func aTaskThatComesLaterDoesNotHaveTheLock() async throws {
        var marks: Set<UInt> = []
        for _ in 0..<1000 { marks.insert(await Task { CallerMark.task }.value) }
        #expect(marks.count == 1000)
        try await withSyncRegion { _, region in
            let lock = try region.readWriteLock("lock")
            let kept = KeptGuard()
            try await Task { kept.held = try await lock.lockForWriting() }.value
            for _ in 0..<100 {
                let later = Task {
                    await Interop.code { _ = try await lock.lockForWriting(until: .after(.milliseconds(1))) }
                }
                #expect(await later.value == .timedOut)
            }
            kept.held = nil
            try await Task {
                kept.held = try await lock.lockForWriting()
                // The task that took it is told, at once.
                #expect(await Interop.code { _ = try await lock.lockForWriting() } == .busy)
            }.value
        }
    }

    @Test func readersNeverSeeHalfAChangeWhoeverIsKilled() async throws {
        try await withSyncRegion { name, region in
            let data = try SharedMemory(at: .named(name + "-data"), .create, byteCount: 128)
            defer { try? SharedMemory.remove(.named(name + "-data")) }
            let lock = try region.readWriteLock("lock") {
                try data.store(try data.load(at: 0, as: UInt64.self), at: 64)
            }
            try await stormOfKills(["object-readwrite-storm", name, name + "-data"], kills: 20) {
                let (one, other) = try await lock.read(until: .after(.seconds(60))) { () throws(IPCError) in
                    (try data.load(at: 0, as: UInt64.self), try data.load(at: 64, as: UInt64.self))
                }
                #expect(one == other)
            }
            try await lock.write(until: .after(.seconds(60))) { () throws(IPCError) in }
            // On one processor each may have been killed before it wrote for the first time.
            try await Interop.whileHelper(["object-readwrite-storm", name, name + "-data"], says: "begins") { child in
                while try data.load(at: 0, as: UInt64.self) == 0 { try await Task.sleep(for: .milliseconds(1)) }
                _ = try await child.kill()
            }
            #expect(lock.readerCount == 0)
        }
    }
}
