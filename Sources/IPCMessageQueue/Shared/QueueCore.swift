import IPCCore
import IPCParticipants
import IPCSharedMemory
import IPCSync
import IPCSystem
import Synchronization

/// One object's hold of a shared queue: the memory, the part in it, and turns with the lock.
final class QueueCore: Sendable {
    let memory: SharedMemory
    let participant: Participant
    let table: QueueTable
    let lock: LockWord
    /// Whether looking again before a sleep has paid off lately: for messages, and for room.
    let messageLook = QueueLook()
    let roomLook = QueueLook()
    private let isClosed = Atomic<Bool>(false)
    private let isFinished = Atomic<Bool>(false)
    private let isAwaitingDeparture = Atomic<Bool>(false)

    /// Messages up to this size are copied with the lock held; larger ones while others go on.
    static let largestUnderLock = 4096
    /// How often to look for a free lock before the processor is given away, in case that the lock's owner is not on one.
    private static let tries = 6

    init(_ memory: SharedMemory, _ participant: Participant) throws(IPCError) {
        self.memory = memory
        self.participant = participant
        let shape = try QueueShape(reading: memory.payload, memory.place.name)
        table = QueueTable(bytes: memory.payload, shape: shape)
        lock = LockWord(memory.payload.slice(QueueTable.lockOffset, LockLayout.byteCount), participant)
    }

    var name: String { memory.place.name }
    /// What this process puts into messages that it owns.
    var owner: UInt64 { participant.ownerWord }

    /// One hold of the lock.
    struct Turn {
        var wakes = QueueWakes()
        /// Read before the queue is looked at.
        let deaths: UInt32
        /// A dead process whose blocks are not free yet.
        var leaving: OwnerWord?
    }

    /// What a sleep compares with.
    struct Ticket: Sendable {
        let line: WaitLine
        let sequence: UInt32
        let deaths: UInt32
        let leaving: OwnerWord?
    }

    // MARK: Turns

    /// Takes the lock for a task. - Throws: `.timedOut`, `.cancelled`, `.closed`, `.participantLost`.
    @inline(__always)
    func acquire(until deadline: Deadline, _ doing: StaticString) async throws(IPCError) -> Turn {
        if let turn = try tryAcquire(doing) { return turn }
        return try enter(try await lock.lock(until: deadline, doing), doing)
    }

    /// The same on a thread that may block.
    func acquireBlocking(until deadline: Deadline, _ doing: StaticString) throws(IPCError) -> Turn {
        try enter(try lock.lockBlocking(until: deadline, doing), doing)
    }

    /// Takes the lock for a task, after a sleep if there is a ticket for one.
    @inline(__always)
    func acquire(
        after ticket: Ticket?, until deadline: Deadline, _ doing: StaticString
    ) async throws(IPCError) -> Turn {
        guard let ticket else { return try await acquire(until: deadline, doing) }
        try await sleep(ticket, until: deadline, doing)
        do throws(IPCError) {
            return try await acquire(until: deadline, doing)
        } catch {
            passOn(ticket)
            throw error
        }
    }

    /// The same on a thread that may block.
    @inline(__always)
    func acquireBlocking(
        after ticket: Ticket?, until deadline: Deadline, _ doing: StaticString
    ) throws(IPCError) -> Turn {
        guard let ticket else { return try acquireBlocking(until: deadline, doing) }
        try sleepBlocking(ticket, until: deadline, doing)
        do throws(IPCError) {
            return try acquireBlocking(until: deadline, doing)
        } catch {
            passOn(ticket)
            throw error
        }
    }

    /// Whoever was woken and leaves without a look has taken a wake-up that may have been for one alone: another gets it.
    private func passOn(_ ticket: Ticket) {
        SharedFutexCalls.wake(table.sequence(of: ticket.line), 1)
    }

    /// nil when somebody has it for longer than a moment.
    @inline(__always)
    func tryAcquire(_ doing: StaticString) throws(IPCError) -> Turn? {
        if let died = try lock.tryLock(doing) { return try enter(died, doing) }
        return try tryAgain(doing)
    }

    @inline(never)
    private func tryAgain(_ doing: StaticString) throws(IPCError) -> Turn? {
        for attempt in 0..<Self.tries {
            // Longer and longer: whoever has it then does several things in a row, with what is near to its processor.
            for _ in 0..<(32 << min(attempt, 3)) { ProcessorHint.pause() }
            if lock.mayBeFree, let died = try lock.tryLock(doing) { return try enter(died, doing) }
        }
        let end = MonotonicClock.nanoseconds + QueueLook.limit
        repeat {
            ProcessorHint.yield()
            if lock.mayBeFree, let died = try lock.tryLock(doing) { return try enter(died, doing) }
        } while MonotonicClock.nanoseconds < end
        return nil
    }

    @inline(__always)
    private func enter(_ previousOwnerDied: Bool, _ doing: StaticString) throws(IPCError) -> Turn {
        KillPoints.pass("queue-entered")
        // First, so that a death after it ends a sleep that begins in this turn.
        var turn = Turn(deaths: participant.table.deathCount.loadAcquiring())
        if previousOwnerDied || table.get(.seenDeaths) != turn.deaths { lookAfterDeath(previousOwnerDied, &turn) }
        if isClosed.load(ordering: .acquiring) {
            leave(turn)
            throw .closed("\(doing)")
        }
        return turn
    }

    @inline(never)
    private func lookAfterDeath(_ withTheLock: Bool, _ turn: inout Turn) {
        guard withTheLock || table.get(.owned) > 0 else { return table.set(.seenDeaths, turn.deaths) }
        turn.leaving = table.recover(QueueTable.Owners(participant: participant))
        turn.wakes.signalAll(table)
        if let leaving = turn.leaving { awaitDeparture(of: leaving) }
    }

    /// Until its threads are gone every turn looks at all messages again, so somebody finds out, even if nobody waits.
    private func awaitDeparture(of leaving: OwnerWord) {
        guard !isAwaitingDeparture.exchange(true, ordering: .sequentiallyConsistent) else { return }
        Task {
            try? await participant.waitUntilGone(leaving, until: .never, "look after a death")
            isAwaitingDeparture.store(false, ordering: .sequentiallyConsistent)
        }
    }

    /// Lets go of the lock and wakes whoever has something to look at.
    @inline(__always)
    func leave(_ turn: Turn) {
        KillPoints.pass("queue-leaves")
        // False only where this process was declared dead: then the next call says so.
        lock.unlock()
        turn.wakes.perform(table)
    }

    /// Counts the caller among those who wait, and ends the turn.
    func leaveWaiting(_ line: WaitLine, _ turn: Turn) -> Ticket {
        let waiters = table.waiters(in: line)
        waiters.storeRelaxed(waiters.loadRelaxed() &+ 1)
        KillPoints.pass("queue-counted")
        let ticket = Ticket(
            line: line, sequence: table.sequence(of: line).loadAcquiring(), deaths: turn.deaths, leaving: turn.leaving)
        leave(turn)
        return ticket
    }

    // MARK: Sleeping

    /// Sleeps until there may be something for the line. A return is a hint.
    ///
    /// - Throws: `.timedOut`, `.cancelled`, `.closed`, `.participantLost`, `.resourceExhausted`.
    private func sleep(_ ticket: Ticket, until deadline: Deadline, _ doing: StaticString) async throws(IPCError) {
        // After the ticket's number was read: whoever closes later than this changes it.
        try checkOpen(doing)
        // Whose blocks are waited for will not tell when its last thread has gone.
        if let leaving = ticket.leaving { return try await participant.waitUntilGone(leaving, until: deadline, doing) }
        try participant.validate()
        KillPoints.pass("queue-sleeps")
        try await FutexWatcher.shared.wait(
            while: WordExpectation(table.sequence(of: ticket.line), is: ticket.sequence),
            and: WordExpectation(participant.table.deathCount, is: ticket.deaths), keeping: participant.mappings,
            until: deadline, doing)
        KillPoints.pass("queue-woke")
    }

    /// The same on a thread that may block.
    private func sleepBlocking(_ ticket: Ticket, until deadline: Deadline, _ doing: StaticString) throws(IPCError) {
        try checkOpen(doing)
        if deadline.hasPassed { throw .timedOut("\(doing)") }
        if let leaving = ticket.leaving { return participant.waitUntilGone(leaving) }
        KillPoints.pass("queue-sleeps")
        try participant.sleep(
            on: table.sequence(of: ticket.line), while: ticket.sequence, deathCount: ticket.deaths, until: deadline)
        KillPoints.pass("queue-woke")
    }

    // MARK: The object

    /// - Throws: `.closed`, `.finished`.
    @inline(__always)
    func checkSending() throws(IPCError) {
        if isFinished.load(ordering: .acquiring) || isClosed.load(ordering: .relaxed) { throw endedSending }
    }

    private var endedSending: IPCError {
        if isClosed.load(ordering: .acquiring) { return .closed("send") }
        return IPCError(.finished, "send: this queue's object has finished; open another one", object: name)
    }

    /// - Throws: `.closed`.
    func checkOpen(_ doing: StaticString) throws(IPCError) {
        if isClosed.load(ordering: .acquiring) { throw .closed("\(doing)") }
    }

    func finish() {
        isFinished.store(true, ordering: .sequentiallyConsistent)
        wakeAll()
    }

    func close() {
        guard !isClosed.exchange(true, ordering: .sequentiallyConsistent) else { return }
        wakeAll()
    }

    /// Everybody who waits, here and elsewhere, looks again: it is seldom, and needs no lock.
    private func wakeAll() {
        for line in WaitLine.allCases {
            table.sequence(of: line).add(1)
            SharedFutexCalls.wake(table.sequence(of: line))
        }
    }
}
