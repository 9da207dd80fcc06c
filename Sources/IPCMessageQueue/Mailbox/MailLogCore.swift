import IPCCore
import IPCParticipants
import IPCSharedMemory
import IPCSync
import IPCSystem
import Synchronization

/// One object's hold of a broadcast mailbox: the memory, the part in it, turns with the lock, and a seat if it receives.
///
/// As in a shared queue (`QueueCore`): a waiter counts itself with the lock, after it looked in vain, and sleeps on its
/// line's number and the death count. Whoever has something for a line changes the number, sets the count to zero and wakes
/// all of them after the lock; who is killed between the two wakes everybody by its death.
final class MailLogCore: Sendable {
    let memory: SharedMemory
    let participant: Participant
    let log: MailLog
    let lock: LockWord
    let spins = SpinRecord()
    /// The index of the seat, or -1. Read with the lock by whoever uses it.
    let seat = Atomic<Int>(-1)
    let missed = Atomic<UInt64>(0)
    private let isClosed = Atomic<Bool>(false)
    private let isFinished = Atomic<Bool>(false)

    /// How often to look for a free lock before a task sleeps: each is 60 looks.
    private static let tries = 4

    init(_ memory: SharedMemory, _ participant: Participant) throws(IPCError) {
        self.memory = memory
        self.participant = participant
        log = MailLog(bytes: memory.payload, shape: try MailLogShape(reading: memory.payload, memory.place.name))
        lock = LockWord(memory.payload.slice(MailLog.lockOffset, LockLayout.byteCount), participant)
    }

    var name: String { memory.place.name }

    /// One hold of the lock.
    struct Turn {
        /// Read before the log is looked at.
        let deaths: UInt32
        fileprivate var wakesNews = false
        fileprivate var wakesRoom = false
    }

    /// What a sleep compares with.
    struct Ticket {
        let line: MailLog.Line
        let sequence: UInt32
        let deaths: UInt32
    }

    // MARK: Turns

    /// Takes the lock for a task, after a sleep if there is a ticket for one.
    ///
    /// - Throws: `.timedOut`, `.cancelled`, `.closed`, `.participantLost`.
    func acquire(
        after ticket: Ticket? = nil, until deadline: Deadline, _ doing: StaticString
    ) async throws(IPCError) -> Turn {
        if let ticket { try await sleep(ticket, until: deadline, doing) }
        if let turn = try tryAcquire(doing) { return turn }
        return try enter(try await lock.lock(until: deadline, doing), doing)
    }

    /// The same on a thread that may block.
    func acquireBlocking(
        after ticket: Ticket? = nil, until deadline: Deadline, _ doing: StaticString
    ) throws(IPCError) -> Turn {
        if let ticket { try sleepBlocking(ticket, until: deadline, doing) }
        return try enter(try lock.lockBlocking(until: deadline, doing), doing)
    }

    /// nil when somebody has it for longer than a moment.
    func tryAcquire(_ doing: StaticString) throws(IPCError) -> Turn? {
        for _ in 0..<Self.tries {
            if let died = try lock.tryLock(doing) { return try enter(died, doing) }
        }
        return nil
    }

    private func enter(_ previousOwnerDied: Bool, _ doing: StaticString) throws(IPCError) -> Turn {
        KillPoints.pass("mail-entered")
        // First, so that a death after it ends a sleep that begins in this turn.
        var turn = Turn(deaths: participant.table.deathCount.loadAcquiring())
        if previousOwnerDied {
            log.repair()
            for line in MailLog.Line.allCases { signal(line, &turn) }
        }
        if isClosed.load(ordering: .acquiring) {
            leave(turn)
            throw .closed("\(doing)")
        }
        return turn
    }

    /// Lets go of the lock and wakes whoever has something to look at.
    func leave(_ turn: Turn) {
        KillPoints.pass("mail-leaves")
        // False only where this process was declared dead: then the next call says so.
        lock.unlock()
        if turn.wakesNews || turn.wakesRoom { KillPoints.pass("mail-wakes") }
        if turn.wakesNews { SharedFutexCalls.wake(log.sequence(of: .news)) }
        if turn.wakesRoom { SharedFutexCalls.wake(log.sequence(of: .room)) }
    }

    /// There is something for a line.
    func signal(_ line: MailLog.Line, _ turn: inout Turn) {
        let waiters = log.waiters(in: line)
        if waiters.loadRelaxed() == 0 { return }
        waiters.storeRelaxed(0)
        log.sequence(of: line).add(1)
        switch line {
        case .news: turn.wakesNews = true
        case .room: turn.wakesRoom = true
        }
    }

    /// Whether anybody may wait for room.
    var isRoomAwaited: Bool { log.waiters(in: .room).loadRelaxed() > 0 }

    /// Counts the caller among those who wait, and ends the turn.
    func leaveWaiting(_ line: MailLog.Line, _ turn: Turn) -> Ticket {
        let waiters = log.waiters(in: line)
        waiters.storeRelaxed(waiters.loadRelaxed() | 1)
        KillPoints.pass("mail-counted")
        let ticket = Ticket(line: line, sequence: log.sequence(of: line).loadAcquiring(), deaths: turn.deaths)
        leave(turn)
        return ticket
    }

    // MARK: Sleeping

    /// Sleeps until there may be something for the line. A return is a hint.
    private func sleep(_ ticket: Ticket, until deadline: Deadline, _ doing: StaticString) async throws(IPCError) {
        // After the ticket's number was read: whoever closes later than this changes it.
        try checkOpen(doing)
        try participant.validate()
        KillPoints.pass("mail-sleeps")
        try await FutexWatcher.shared.wait(
            while: WordExpectation(log.sequence(of: ticket.line), is: ticket.sequence),
            and: WordExpectation(participant.table.deathCount, is: ticket.deaths), keeping: participant.mappings,
            until: deadline, doing
        )
        KillPoints.pass("mail-woke")
    }

    /// The same on a thread that may block.
    private func sleepBlocking(_ ticket: Ticket, until deadline: Deadline, _ doing: StaticString) throws(IPCError) {
        try checkOpen(doing)
        if deadline.hasPassed { throw .timedOut("\(doing)") }
        KillPoints.pass("mail-sleeps")
        try participant.sleep(
            on: log.sequence(of: ticket.line), while: ticket.sequence, deathCount: ticket.deaths, until: deadline)
        KillPoints.pass("mail-woke")
    }

    // MARK: The object

    /// - Throws: `.closed`, `.finished`.
    func checkSending() throws(IPCError) {
        try checkOpen("send")
        if isFinished.load(ordering: .acquiring) {
            throw IPCError(.finished, "send: this mailbox's object has finished; open another one", object: name)
        }
    }

    /// - Throws: `.closed`.
    func checkOpen(_ doing: StaticString) throws(IPCError) {
        if isClosed.load(ordering: .sequentiallyConsistent) { throw .closed("\(doing)") }
    }

    func finish() {
        isFinished.store(true, ordering: .sequentiallyConsistent)
        wakeAll()
    }

    func close() {
        guard !isClosed.exchange(true, ordering: .sequentiallyConsistent) else { return }
        giveUpSeat()
        wakeAll()
    }

    /// Receives no more. Without the lock: who has it, and works with the seat, is this object itself or finds it free; and
    /// nobody takes a seat without the lock.
    func giveUpSeat() {
        let index = seat.exchange(-1, ordering: .sequentiallyConsistent)
        // In the child of a fork it is the parent's.
        guard index >= 0, participant.ownerWord != 0 else { return }
        log.seat(index).giveUp(participant.ownerWord)
        KillPoints.pass("mail-left")
        wakeAll()
    }

    /// Everybody who waits, here and elsewhere, looks again: it is seldom, and needs no lock.
    private func wakeAll() {
        for line in MailLog.Line.allCases {
            log.sequence(of: line).add(1)
            SharedFutexCalls.wake(log.sequence(of: line))
        }
    }
}
