public import IPCCore
import IPCParticipants
import IPCSystem

/// Lets processes wait until somebody has changed what a lock protects: a condition variable, in the same region as the lock.
/// So it has no name for itself: a lock with a region of its own has it there, `mutex.region.condition("changed")`.
///
/// ```swift
/// // One process
/// try await queue.withLock { $0.count += 1 }
/// notEmpty.signal()
///
/// // Another
/// let guard = try await queue.lock(when: notEmpty) { $0.count > 0 }
/// ```
///
/// - **A wake-up is a hint**: look at what you wait for, in a loop, or use the forms with a predicate. The death of a process
///   wakes everybody, and a signal may wake several tasks of one process.
/// - **A wait that throws has let go of the lock**: a time-out or a cancellation is seen without taking it again.
/// - **Deaths**: a waiter that dies is not missed; a signaller that dies between the change and the signal wakes everybody
///   by its death; one that dies with the lock is told to the next owner, who may be a waiter.
public final class ProcessCondition: Sendable {
    static let type = SyncObjectType(kind: SyncObjectKind.condition.rawValue, name: "a condition", byteCount: 64)
    static let waitersOffset = 4

    /// The region that it and its locks lie in.
    public let region: SyncRegion
    private let sequence: SharedWord32
    private let waiters: SharedWord32

    init(_ bytes: SharedBytes, _ region: SyncRegion) {
        self.region = region
        sequence = bytes.word32(0)
        waiters = bytes.word32(Self.waitersOffset)
    }

    /// How many wait, about: more than there are when some of them were killed.
    public var waiterCount: Int { Int(waiters.loadRelaxed()) }

    /// Wakes at least one of those who wait, if there are some. Needs no lock; change first, then signal.
    public func signal() { notify(1) }

    /// Wakes all who wait.
    public func broadcast() { notify(.max) }

    private func notify(_ count: Int) {
        KillPoints.pass("sync-signal-begins")
        sequence.add(1)
        KillPoints.pass("sync-signal-counted")
        // Too high after a waiter died, which costs a system call.
        if waiters.loadSequential() != 0 { SharedFutexCalls.wake(sequence, count) }
        KillPoints.pass("sync-signal-woke")
    }

    /// What a wait compares with, read while the caller has the lock.
    struct Ticket {
        let sequence: UInt32
        let deaths: UInt32
    }

    /// Begins a wait, with the lock.
    ///
    /// - Throws: `.invalidArgument` when the lock lies in another region, whose deaths it would not see.
    func beginWait(with lock: LockWord) throws(IPCError) -> Ticket {
        guard lock.participant.isSameRegion(as: region.participant) else {
            throw IPCError(.invalidArgument, "wait for a condition: it and the lock must lie in one region")
        }
        // The deaths first: who dies from here on ends the sleep.
        let deaths = region.participant.table.deathCount.loadAcquiring()
        let ticket = Ticket(sequence: sequence.loadAcquiring(), deaths: deaths)
        waiters.add(1)
        KillPoints.pass("sync-wait-begins")
        return ticket
    }

    /// Sleeps, without the lock.
    func sleep(_ ticket: Ticket, until deadline: Deadline) async throws(IPCError) {
        defer { waiters.add(.max) }
        KillPoints.pass("sync-wait-sleeps")
        try await FutexWatcher.shared.wait(
            while: WordExpectation(sequence, is: ticket.sequence),
            and: WordExpectation(region.participant.table.deathCount, is: ticket.deaths),
            keeping: region.participant.mappings,
            until: deadline, "wait for a condition")
        KillPoints.pass("sync-wait-woke")
    }

    /// The same on a thread that may block.
    func sleepBlocking(_ ticket: Ticket, until deadline: Deadline) throws(IPCError) {
        defer { waiters.add(.max) }
        if deadline.hasPassed { throw .timedOut("wait for a condition") }
        KillPoints.pass("sync-wait-sleeps")
        try region.participant.table.sleep(
            on: sequence, while: ticket.sequence, deathCount: ticket.deaths, until: deadline)
        KillPoints.pass("sync-wait-woke")
        if deadline.hasPassed, sequence.loadAcquiring() == ticket.sequence { throw .timedOut("wait for a condition") }
    }

    /// After a sleep that ended, and did not get the lock: the wake-up may have been a signal for one waiter alone, who leaves
    /// now, so it is another's.
    func passOn(_ ticket: Ticket) {
        guard sequence.loadAcquiring() != ticket.sequence, waiters.loadSequential() != 0 else { return }
        SharedFutexCalls.wake(sequence, 1)
    }
}

extension SyncRegion {
    /// A condition of this region, for its mutexes and locks.
    ///
    /// - Throws: `.typeMismatch` when the name stands for something else; `.notFound`, `.alreadyExists`;
    ///   `.resourceExhausted`; `.invalidName`.
    public func condition(_ name: String, _ intent: CreationIntent = .openOrCreate) throws(IPCError) -> ProcessCondition
    {
        ProcessCondition(try object(name, ProcessCondition.type, intent) { _ in }, self)
    }
}
