import IPCCore
import IPCSystem

/// One try to receive, with the lock that the caller has taken; it is free again when these return.
extension QueueCore {
    enum Take {
        /// The body has read it.
        case message
        /// Too large to be copied under the lock: it is leased meanwhile.
        case large(Lease)
        /// Nothing there; counted among those who wait if that was asked for.
        case empty(Ticket?)
    }

    /// A message that this process has and may give back.
    struct Lease: Sendable {
        let place: QueueTable.Place
        let byteCount: Int
        let label: QueueLabel
    }

    private func line(for selection: QueueSelection) -> WaitLine {
        if case .any = selection { .receivers } else { .selectors }
    }

    private func nothing(_ selection: QueueSelection, _ counts: Bool, _ turn: Turn) -> Ticket? {
        if counts { return leaveWaiting(line(for: selection), turn) }
        leave(turn)
        return nil
    }

    /// Receives a message and lets `body` read a copy of it, without the lock. Of a large one there is none for who does not
    /// take those.
    @inline(__always)
    func take(
        _ selection: QueueSelection, counts: Bool, large: Bool = true, _ turn: consuming Turn,
        _ body: (RawSpan, QueueLabel) -> Void
    ) -> Take {
        let link = table.find(selection)
        guard link != 0 else { return .empty(nothing(selection, counts, turn)) }
        let count = table.size(link)
        guard count <= Self.largestUnderLock else {
            if large { return .large(lease(link, &turn)) }
            leave(turn)
            return .empty(nil)
        }
        unsafe withUnsafeTemporaryAllocation(byteCount: max(count, 1), alignment: 8) { buffer in
            let contents = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
            unsafe table.copy(link, to: contents)
            KillPoints.pass("queue-copied")
            let label = table.label(link, deliveries: table.state(link).deliveries + 1)
            signalTaken(&turn, blocks: table.drop(link))
            leave(turn)
            // SAFETY: the copy is this call's, and lives as long as the closure runs.
            let bytes = unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(contents))
            body(bytes, label)
        }
        return .message
    }

    /// Leases a message.
    func lease(_ selection: QueueSelection, counts: Bool, _ turn: consuming Turn) -> Take {
        let link = table.find(selection)
        guard link != 0 else { return .empty(nothing(selection, counts, turn)) }
        return .large(lease(link, &turn))
    }

    private func lease(_ link: QueueTable.Link, _ turn: inout Turn) -> Lease {
        let (place, deliveries) = table.lease(link, owner)
        let lease = Lease(
            place: place, byteCount: table.size(link), label: table.label(link, deliveries: deliveries))
        // Whoever offered it is free to go: from here on it is in the queue's hands.
        turn.wakes.signalOffers(table)
        leave(turn)
        return lease
    }

    /// What a leased message says. Nobody changes it meanwhile.
    func contents(_ lease: Lease) -> [UInt8] {
        KillPoints.pass("queue-reads-lease")
        return unsafe [UInt8](unsafeUninitializedCapacity: lease.byteCount) { buffer, count in
            unsafe table.copy(lease.place.link, to: UnsafeMutableRawBufferPointer(buffer))
            count = lease.byteCount
        }
    }

    /// One or more messages left the queue, and so many blocks are free.
    @inline(__always)
    func signalTaken(_ turn: inout Turn, blocks: UInt32) {
        turn.wakes.signalRoom(table, blocks: blocks)
        turn.wakes.signalOffers(table)
    }
}
