import IPCCore
public import IPCSystem

/// A count and the number of those who wait for it to grow.
@usableFromInline
final class PlainSemaphore: Sendable {
    static let valueOffset = 0

    @usableFromInline let value: SharedWord32
    @usableFromInline let waiters: SharedWord32
    private let sleeping: SyncSleep

    init(_ bytes: SharedBytes, _ region: SyncRegion) {
        value = bytes.word32(Self.valueOffset)
        waiters = bytes.word32(4)
        sleeping = SyncSleep(region: region)
    }

    var available: Int { Int(value.loadRelaxed()) }
    var waiterCount: Int { Int(waiters.loadRelaxed()) }

    @inlinable @inline(__always)
    func tryTake() -> Bool {
        var found = value.loadRelaxed()
        while found != 0 {
            let (isDone, now) = value.replaceSequential(found, with: found - 1)
            if isDone { return true }
            found = now
        }
        return false
    }

    func take(until deadline: Deadline) async throws(IPCError) {
        if tryTake() { return }
        waiters.add(1)
        defer { leave() }
        while true {
            let deaths = sleeping.deathCount
            if tryTake() { return }
            try await sleeping.sleep(on: value, while: 0, deaths, until: deadline, "wait for a permit")
        }
    }

    /// Waits for a permit.
    @usableFromInline
    @inline(never)
    func takeBlocking(until deadline: Deadline) throws(IPCError) {
        waiters.add(1)
        defer { leave() }
        while true {
            let deaths = sleeping.deathCount
            if tryTake() { return }
            try sleeping.sleepBlocking(on: value, while: 0, deaths, until: deadline, "wait for a permit")
        }
    }

    @inlinable @inline(__always)
    func give() throws(IPCError) {
        var found = value.loadRelaxed()
        while true {
            guard found != .max else { throw Self.overflow }
            let (isDone, now) = value.replaceSequential(found, with: found + 1)
            if isDone { break }
            found = now
        }
        KillPoints.pass("sync-semaphore-given")
        if waiters.loadSequential() != 0 { wake() }
    }

    @usableFromInline
    @inline(never)
    func wake() { SharedFutexCalls.wake(value, 1) }

    @usableFromInline static var overflow: IPCError {
        IPCError(.resourceExhausted, "give a permit: there are 2^32 - 1")
    }

    /// Whoever leaves may have had a wake-up that was another's.
    private func leave() {
        waiters.add(.max)
        if value.loadSequential() != 0, waiters.loadSequential() != 0 { wake() }
    }
}
