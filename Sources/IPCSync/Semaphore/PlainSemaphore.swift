import IPCCore
import IPCParticipants
public import IPCSystem

/// The words of a plain semaphore, for the steps that need no wait.
@usableFromInline
struct PermitCount: Sendable {
    @usableFromInline let value: SharedWord32
    @usableFromInline let waiters: SharedWord32
    /// What this process puts into lock words; 0 in the child of a fork.
    @usableFromInline let own: SharedWord64

    init(_ bytes: SharedBytes, _ participant: Participant) {
        value = bytes.word32(PlainSemaphore.valueOffset)
        waiters = bytes.word32(PlainSemaphore.waitersOffset)
        own = participant.privateOwnerWord
    }

    /// Takes a permit if there is one and this process may.
    @inlinable @inline(__always)
    func tryTake() -> Bool {
        guard own.loadRelaxed() != 0 else { return false }
        var found = value.loadRelaxed()
        while found != 0 {
            let (isDone, now) = value.replaceSequential(found, with: found - 1)
            if isDone { return true }
            found = now
        }
        return false
    }

    /// Gives a permit if there is room for it and this process may.
    @inlinable @inline(__always)
    func tryGive() -> Bool {
        guard own.loadRelaxed() != 0 else { return false }
        var found = value.loadRelaxed()
        while found != .max {
            let (isDone, now) = value.replaceSequential(found, with: found + 1)
            if isDone {
                KillPoints.pass("sync-semaphore-given")
                if waiters.loadSequential() != 0 { Self.wake(value) }
                return true
            }
            found = now
        }
        return false
    }

    @usableFromInline
    @inline(never)
    static func wake(_ value: SharedWord32) { SharedFutexCalls.wake(value, 1) }
}

/// A count and the number of those who wait for it to grow.
struct PlainSemaphore: Sendable {
    static let valueOffset = 0
    static let waitersOffset = 4

    let count: PermitCount
    private let sleeping: SyncSleep

    init(_ bytes: SharedBytes, _ region: SyncRegion) {
        count = PermitCount(bytes, region.participant)
        sleeping = SyncSleep(region: region)
    }

    var available: Int { Int(count.value.loadRelaxed()) }
    var waiterCount: Int { Int(count.waiters.loadRelaxed()) }

    /// Not in the child of a fork.
    private func check() throws(IPCError) {
        if sleeping.participant.ownerWord == 0 { try sleeping.participant.validate() }
    }

    func tryTake() throws(IPCError) -> Bool {
        try check()
        return count.tryTake()
    }

    func take(until deadline: Deadline) async throws(IPCError) {
        if try tryTake() { return }
        count.waiters.add(1)
        defer { leave() }
        while true {
            let deaths = sleeping.deathCount
            if count.tryTake() { return }
            try await sleeping.sleep(on: count.value, while: 0, deaths, until: deadline, "wait for a permit")
        }
    }

    func takeBlocking(until deadline: Deadline) throws(IPCError) {
        if try tryTake() { return }
        count.waiters.add(1)
        defer { leave() }
        while true {
            let deaths = sleeping.deathCount
            if count.tryTake() { return }
            try sleeping.sleepBlocking(on: count.value, while: 0, deaths, until: deadline, "wait for a permit")
        }
    }

    func give() throws(IPCError) {
        try check()
        if !count.tryGive() { throw IPCError(.resourceExhausted, "give a permit: there are 2^32 - 1") }
    }

    /// Whoever leaves may have had a wake-up that was another's.
    private func leave() {
        count.waiters.add(.max)
        if count.value.loadSequential() != 0, count.waiters.loadSequential() != 0 { PermitCount.wake(count.value) }
    }
}
