import IPCCore
import IPCParticipants
import IPCSystem
import Synchronization

/// One try to send or receive, with the lock that the caller has taken; it is free again when these return.
extension MailLogCore {
    enum Offer {
        case sent(evicted: UInt64)
        /// No room; counted among those who wait if that was asked for.
        case full(Ticket?)
    }

    func offer(
        _ bytes: RawSpan, _ label: QueueLabel, evicts: Bool, counts: Bool, _ turn: consuming Turn
    ) -> Offer {
        let (isThere, evicted) = log.makeRoom(for: bytes.byteCount, evicts: evicts, participant)
        guard isThere else {
            if counts { return .full(leaveWaiting(.room, turn)) }
            leave(turn)
            return .full(nil)
        }
        log.append(bytes, label)
        turn.wakes.signal(.news, lines, .max)
        leave(turn)
        return .sent(evicted: evicted)
    }

    enum Take {
        case message([UInt8], QueueLabel)
        /// Nothing there; counted among those who wait if that was asked for.
        case empty(Ticket?)
    }

    /// The next message that `selection` matches. Those before it, which do not match, are passed over for good.
    ///
    /// - Throws: `.resourceExhausted` when the object has no seat yet and all are taken.
    func take(_ selection: QueueSelection, counts: Bool, _ turn: consuming Turn) throws(IPCError) -> Take {
        let seat: MailLog.Seat
        do throws(IPCError) {
            seat = log.seat(try sit())
        } catch {
            leave(turn)
            throw error
        }
        var found: MailLog.Record?
        // With the lock no more than there can be: whoever writes nonsense ends up with a broken mailbox, not with a loop.
        var steps = log.shape.recordLimit
        repeat {
            steps -= 1
            let (record, lost) = log.next(for: seat)
            if lost > 0 { missed.wrappingAdd(lost, ordering: .relaxed) }
            guard let record else { break }
            if selection.matches(type: record.label.type) { found = record }
            if found == nil { pass(seat, record, &turn) }
        } while found == nil && steps > 0
        guard let found else {
            if counts { return .empty(leaveWaiting(.news, turn)) }
            leave(turn)
            return .empty(nil)
        }
        let contents = log.contents(found)
        KillPoints.pass("mail-copied")
        pass(seat, found, &turn)
        leave(turn)
        return .message(contents, found.label)
    }

    /// A seat goes on to the next record. Whoever waits for room looks again if this one was among the slowest.
    private func pass(_ seat: MailLog.Seat, _ record: MailLog.Record, _ turn: inout Turn) {
        let wasLast = record.position == log.tail
        log.advance(seat, past: record)
        if wasLast, isRoomAwaited { turn.wakes.signal(.room, lines, .max) }
    }

    /// The index of the object's seat, with the lock; it joins here if it has none.
    private func sit(from start: MailboxStart = .onlyNew) throws(IPCError) -> Int {
        let index = seat.load(ordering: .acquiring)
        if index >= 0 { return index }
        guard let taken = log.takeSeat(from: start, participant) else {
            throw IPCError(
                .resourceExhausted,
                "join a mailbox: its \(log.shape.seatCount) seats for receivers are taken; make it anew with more "
                    + "maximumReceivers", object: name)
        }
        // First the seat, then the look; whoever closes does it the other way round: one of the two gives the seat up.
        seat.store(taken, ordering: .sequentiallyConsistent)
        do throws(IPCError) {
            try checkOpen("join a mailbox")
        } catch {
            giveUpSeat()
            throw error
        }
        return taken
    }

    /// Joins, or goes on elsewhere.
    func join(from start: MailboxStart, _ turn: consuming Turn) throws(IPCError) {
        defer { leave(turn) }
        let hadSeat = seat.load(ordering: .acquiring) >= 0
        let index = try sit(from: start)
        if hadSeat {
            log.move(log.seat(index), to: start)
            if isRoomAwaited { turn.wakes.signal(.room, lines, .max) }
        }
    }
}
