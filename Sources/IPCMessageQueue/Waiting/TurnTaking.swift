import IPCCore
import IPCParticipants
import IPCSharedMemory
import IPCSync
import IPCSystem

/// One hold of the lock of an object. Small, because it is handed on from step to step.
struct LockTurn {
    var wakes = LineWakes()
    /// Read before the object is looked at.
    let deaths: UInt32
    private var leavingWord: UInt64 = 0

    init(deaths: UInt32) { self.deaths = deaths }

    /// A dead process that may still write: who waits for what it had waits until it is gone.
    var leaving: OwnerWord? {
        get { leavingWord == 0 ? nil : OwnerWord(rawValue: leavingWord) }
        set { leavingWord = newValue?.rawValue ?? 0 }
    }
}

/// What a sleep compares with.
struct WaitTicket: Sendable {
    let line: WaitLine
    let sequence: UInt32
    let deaths: UInt32
    let leaving: OwnerWord?
}

/// One object's hold of something in shared memory that is looked at and changed in turns, each with one lock, and waited for
/// between them: a shared queue, a broadcast mailbox.
///
/// A waiter counts itself with the lock, after it looked in vain, and sleeps on its line's number (`WaitLines`) and the death
/// count. Who changes something for a line wakes whom that concerns, after the lock (`LineWakes`).
protocol TurnTaking: AnyObject, Sendable {
    typealias Turn = LockTurn
    typealias Ticket = WaitTicket

    var memory: SharedMemory { get }
    var participant: Participant { get }
    var lock: LockWord { get }
    var lines: WaitLines { get }
    var ending: ObjectEnding { get }

    /// The first thing in a turn: what a death has left is put in order.
    func lookForDeaths(_ previousOwnerDied: Bool, _ turn: inout LockTurn)
}

/// How often to look for a free lock before the processor is given away, in case that the lock's owner is not on one.
private let tries = 6

// MARK: Turns

extension TurnTaking {
    var name: String { memory.place.name }
    /// What this process puts into whatever it owns.
    @inline(__always)
    var owner: UInt64 { participant.ownerWord }

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
        SharedFutexCalls.wake(lines.sequence(of: ticket.line), 1)
    }

    /// nil when somebody has it for longer than a moment.
    @inline(__always)
    func tryAcquire(_ doing: StaticString) throws(IPCError) -> Turn? {
        guard let died = try tryLock(doing) else { return nil }
        return try enter(died, doing)
    }

    /// Whether the lock's owner died with it; nil when somebody has it for longer than a moment. For what is done even where
    /// the object is closed: begin the turn with ``beginTurn(_:)``.
    @inline(__always)
    func tryLock(_ doing: StaticString) throws(IPCError) -> Bool? {
        if let died = try lock.tryLock(doing) { return died }
        return try tryAgain(doing)
    }

    @inline(never)
    private func tryAgain(_ doing: StaticString) throws(IPCError) -> Bool? {
        for attempt in 0..<tries {
            // Longer and longer: whoever has it then does several things in a row, with what is near to its processor.
            for _ in 0..<(32 << min(attempt, 3)) { ProcessorHint.pause() }
            if lock.mayBeFree, let died = try lock.tryLock(doing) { return died }
        }
        let end = MonotonicClock.nanoseconds + QueueLook.limit
        repeat {
            ProcessorHint.yield()
            if lock.mayBeFree, let died = try lock.tryLock(doing) { return died }
        } while MonotonicClock.nanoseconds < end
        return nil
    }

    @inline(__always)
    private func enter(_ previousOwnerDied: Bool, _ doing: StaticString) throws(IPCError) -> Turn {
        let turn = beginTurn(previousOwnerDied)
        if ending.isClosed {
            leave(turn)
            throw .closed("\(doing)")
        }
        return turn
    }

    /// With the lock.
    @inline(__always)
    func beginTurn(_ previousOwnerDied: Bool) -> Turn {
        KillPoints.pass("turn-entered")
        // First, so that a death after it ends a sleep that begins in this turn.
        var turn = Turn(deaths: participant.table.deathCount.loadAcquiring())
        lookForDeaths(previousOwnerDied, &turn)
        return turn
    }

    /// Lets go of the lock and wakes whoever has something to look at.
    @inline(__always)
    func leave(_ turn: Turn) {
        KillPoints.pass("turn-leaves")
        // False only where this process was declared dead: then the next call says so.
        lock.unlock()
        turn.wakes.perform(lines)
    }

    /// Counts the caller among those who wait, and ends the turn.
    func leaveWaiting(_ line: WaitLine, _ turn: Turn) -> Ticket {
        let waiters = lines.waiters(in: line)
        waiters.storeRelaxed(waiters.loadRelaxed() &+ 1)
        KillPoints.pass("turn-counted")
        let ticket = Ticket(
            line: line, sequence: lines.sequence(of: line).loadAcquiring(), deaths: turn.deaths, leaving: turn.leaving)
        leave(turn)
        return ticket
    }
}

// MARK: Sleeping

extension TurnTaking {
    /// Sleeps until there may be something for the line. A return is a hint.
    ///
    /// - Throws: `.timedOut`, `.cancelled`, `.closed`, `.participantLost`, `.resourceExhausted`.
    private func sleep(_ ticket: Ticket, until deadline: Deadline, _ doing: StaticString) async throws(IPCError) {
        // After the ticket's number was read: whoever closes later than this changes it.
        try checkOpen(doing)
        // Whose blocks are waited for will not tell when its last thread has gone.
        if let leaving = ticket.leaving { return try await participant.waitUntilGone(leaving, until: deadline, doing) }
        try participant.validate()
        KillPoints.pass("turn-sleeps")
        try await FutexWatcher.shared.wait(
            while: WordExpectation(lines.sequence(of: ticket.line), is: ticket.sequence),
            and: WordExpectation(participant.table.deathCount, is: ticket.deaths), keeping: participant.mappings,
            until: deadline, doing)
        KillPoints.pass("turn-woke")
    }

    /// The same on a thread that may block.
    private func sleepBlocking(_ ticket: Ticket, until deadline: Deadline, _ doing: StaticString) throws(IPCError) {
        try checkOpen(doing)
        if deadline.hasPassed { throw .timedOut("\(doing)") }
        if let leaving = ticket.leaving { return try participant.waitUntilGone(leaving, until: deadline, doing) }
        KillPoints.pass("turn-sleeps")
        try participant.sleep(
            on: lines.sequence(of: ticket.line), while: ticket.sequence, deathCount: ticket.deaths, until: deadline)
        KillPoints.pass("turn-woke")
    }

    /// Everybody who waits, here and elsewhere, looks again: it is seldom, and needs no lock.
    func wakeAll() {
        for line in lines.all {
            lines.sequence(of: line).add(1)
            SharedFutexCalls.wake(lines.sequence(of: line))
        }
    }
}

// MARK: The object

extension TurnTaking {
    /// - Throws: `.closed`, `.finished`.
    @inline(__always)
    func checkSending() throws(IPCError) {
        if ending.isFinished || ending.isClosed { throw endedSending }
    }

    private var endedSending: IPCError {
        if ending.isClosed { return .closed("send") }
        return IPCError(.finished, "send: this object has finished; open another one", object: name)
    }

    /// - Throws: `.closed`.
    func checkOpen(_ doing: StaticString) throws(IPCError) {
        if ending.isClosed { throw .closed("\(doing)") }
    }

    func finish() {
        ending.finish()
        wakeAll()
    }
}
