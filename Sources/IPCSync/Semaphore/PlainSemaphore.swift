import IPCCore
import IPCParticipants
import IPCSystem

/// A count and the number of those who wait for it to grow.
struct PlainSemaphore: Sendable {
    static let valueOffset = 0
    static let waitersOffset = 4

    private let value: SharedWord32
    private let waiters: SharedWord32
    private let sleeping: SyncSleep

    init(_ bytes: SharedBytes, _ region: SyncRegion) {
        value = bytes.word32(Self.valueOffset)
        waiters = bytes.word32(Self.waitersOffset)
        sleeping = SyncSleep(region: region)
    }

    var available: Int { Int(value.loadRelaxed()) }
    var waiterCount: Int { Int(waiters.loadRelaxed()) }

    func tryTake() -> Bool {
        var found = value.loadRelaxed()
        while found != 0 {
            let (isDone, now) = value.replaceSequential(found, with: found - 1)
            if isDone { return true }
            found = now
        }
        return false
    }

    /// The same, but not in the child of a fork.
    func tryTakeHere() throws(IPCError) -> Bool {
        try check()
        return tryTake()
    }

    private func check() throws(IPCError) {
        if sleeping.participant.ownerWord == 0 { try sleeping.participant.validate() }
    }

    func take(until deadline: Deadline) async throws(IPCError) {
        if try tryTakeHere() { return }
        waiters.add(1)
        defer { leave() }
        while true {
            let deaths = sleeping.deathCount
            if tryTake() { return }
            try await sleeping.sleep(on: value, while: 0, deaths, until: deadline, "wait for a permit")
        }
    }

    func takeBlocking(until deadline: Deadline) throws(IPCError) {
        if try tryTakeHere() { return }
        waiters.add(1)
        defer { leave() }
        while true {
            let deaths = sleeping.deathCount
            if tryTake() { return }
            try sleeping.sleepBlocking(on: value, while: 0, deaths, until: deadline, "wait for a permit")
        }
    }

    func give() throws(IPCError) {
        try check()
        var found = value.loadRelaxed()
        while true {
            guard found != .max else { throw IPCError(.resourceExhausted, "give a permit: there are 2^32 - 1") }
            let (isDone, now) = value.replaceSequential(found, with: found + 1)
            if isDone { break }
            found = now
        }
        KillPoints.pass("sync-semaphore-given")
        if waiters.loadSequential() != 0 { SharedFutexCalls.wake(value, 1) }
    }

    /// Whoever leaves may have had a wake-up that was another's.
    private func leave() {
        waiters.add(.max)
        if value.loadSequential() != 0, waiters.loadSequential() != 0 { SharedFutexCalls.wake(value, 1) }
    }
}
