import IPCCore
import IPCParticipants
import IPCSharedMemory
import IPCSync
import IPCSystem
import Synchronization

/// One object's hold of a broadcast mailbox: the memory, the part in it, turns with the lock, and a seat if it receives.
final class MailLogCore: TurnTaking {
    let memory: SharedMemory
    let participant: Participant
    let log: MailLog
    let lock: LockWord
    let lines: WaitLines
    let ending = ObjectEnding()
    let spins = SpinRecord()
    /// The index of the seat, or -1. Read with the lock by whoever uses it.
    let seat = Atomic<Int>(-1)
    let missed = Atomic<UInt64>(0)

    init(_ memory: SharedMemory, _ participant: Participant) throws(IPCError) {
        self.memory = memory
        self.participant = participant
        log = MailLog(bytes: memory.payload, shape: try MailLogShape(reading: memory.payload, memory.place.name))
        lines = log.lines
        lock = LockWord(memory.payload.slice(MailLog.lockOffset, LockLayout.byteCount), participant)
    }

    func lookForDeaths(_ previousOwnerDied: Bool, _ turn: inout Turn) {
        // The seats of the dead are nobody's: who needs to know looks at the tokens of their owners.
        guard previousOwnerDied else { return }
        log.repair()
        turn.wakes.signalAll(lines)
    }

    /// Whether anybody may wait for room.
    var isRoomAwaited: Bool { lines.waiters(in: .room).loadRelaxed() > 0 }

    func close() {
        guard ending.close() else { return }
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
}

/// The lines of those who wait for a broadcast mailbox. All of a line are woken at once.
extension WaitLine {
    /// Messages.
    static var news: WaitLine { WaitLine(index: 0) }
    /// Room in the log.
    static var room: WaitLine { WaitLine(index: 1) }
}
