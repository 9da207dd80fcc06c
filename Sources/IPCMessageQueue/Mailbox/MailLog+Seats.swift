import IPCCore
import IPCParticipants
import IPCSystem

/// The receivers of a broadcast: each has a seat, which says whose it is, where he goes on, and which number he expects.
/// Written with the lock, but for the owner, who may leave without it.
extension MailLog {
    struct Seat {
        fileprivate let words: SharedBytes

        var owner: UInt64 {
            get { words.word64(0).loadAcquiring() }
            nonmutating set { words.word64(0).storeSequential(newValue) }
        }
        var position: UInt64 {
            get { words.word64(8).loadAcquiring() }
            nonmutating set { words.word64(8).storeReleasing(newValue) }
        }
        var number: UInt64 {
            get { words.word64(16).loadAcquiring() }
            nonmutating set { words.word64(16).storeReleasing(newValue) }
        }

        /// Nobody's again, if it is that owner's.
        func giveUp(_ owner: UInt64) { _ = words.word64(0).replaceSequential(owner, with: 0) }
    }

    func seat(_ index: Int) -> Seat {
        let index = min(max(index, 0), shape.seatCount - 1)
        return Seat(
            words: bytes.slice(
                MailLogShape.seatsOffset + index * MailLogShape.seatByteCount, MailLogShape.seatByteCount))
    }

    private func isTaken(_ seat: Seat, _ participant: Participant) -> Bool {
        let owner = OwnerWord(rawValue: seat.owner)
        return !owner.isFree && !participant.table.isDead(owner)
    }

    /// How many living receivers there are.
    func receiverCount(_ participant: Participant) -> Int {
        (0..<shape.seatCount).count { isTaken(seat($0), participant) }
    }

    /// Where the slowest living receiver is; nil without one. A dead one holds nobody back.
    func slowestPosition(_ participant: Participant) -> UInt64? {
        let tail = tail
        var least: UInt64?
        for index in 0..<shape.seatCount {
            let seat = seat(index)
            guard isTaken(seat, participant) else { continue }
            // From the tail on; what was written over lies before it and is lost for him anyway.
            let ahead = seat.position &- tail
            let place = Int64(bitPattern: ahead) < 0 ? 0 : ahead
            least = min(least ?? .max, place)
        }
        return least.map { tail &+ $0 }
    }

    /// Takes a seat. Nil when all are taken.
    func takeSeat(from start: MailboxStart, _ participant: Participant) -> Int? {
        let free = (0..<shape.seatCount).first { !isTaken(self.seat($0), participant) }
        guard let index = free else { return nil }
        let seat = self.seat(index)
        // Nobody's while it is written.
        seat.owner = 0
        move(seat, to: start)
        KillPoints.pass("mail-seat-written")
        seat.owner = participant.ownerWord
        KillPoints.pass("mail-joined")
        return index
    }

    /// Where a receiver goes on.
    func move(_ seat: Seat, to start: MailboxStart) {
        var (position, number) = (head, nextNumber)
        let kept = count
        let wanted =
            switch start {
            case .onlyNew: 0
            case .everythingKept: kept
            case .last(let count): min(max(count, 0), kept)
            }
        if wanted > 0 {
            position = tail
            number = nextNumber &- UInt64(kept)
            var toSkip = min(kept - wanted, shape.recordLimit)
            while toSkip > 0, let record = record(at: position) {
                position = record.end
                number = record.number &+ 1
                toSkip -= 1
            }
        }
        seat.position = position
        seat.number = number
    }

    /// The next record for a seat, past those that were written over, which are counted.
    func next(for seat: Seat) -> (record: Record?, missed: UInt64) {
        let (head, tail) = (head, tail)
        var position = seat.position
        // Behind the tail, or anywhere that is not in the log.
        if position &- tail > head &- tail { position = tail }
        guard position != head, let record = record(at: position) else {
            // Nothing, or nonsense, which nobody can read.
            let missed = Int64(clamping: nextNumber) - Int64(clamping: seat.number)
            seat.position = head
            seat.number = nextNumber
            return (nil, UInt64(max(0, missed)))
        }
        // Once: another load may say something else, if somebody writes nonsense.
        let expected = seat.number
        return (record, record.number > expected ? record.number - expected : 0)
    }

    /// A seat has its record.
    func advance(_ seat: Seat, past record: Record) {
        seat.position = record.end
        KillPoints.pass("mail-advanced")
        seat.number = record.number &+ 1
    }
}
