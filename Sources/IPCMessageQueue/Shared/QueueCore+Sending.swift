import IPCCore
import IPCSharedMemory
import IPCSystem

/// One try to send, with the lock that the caller has taken; it is free again when these return.
extension QueueCore {
    enum Offer {
        case sent
        /// The message waits for somebody to take it.
        case offered(QueueTable.Place)
        /// Blocks are taken, and to be written without the lock.
        case reserved(QueueTable.Place)
        /// No room; counted among those who wait if that was asked for.
        case full(Ticket?)
    }

    /// - Throws: `.resourceExhausted` when the queue could grow and the file system has no room.
    @inline(__always)
    func offer(
        _ bytes: RawSpan, _ label: QueueLabel, blocks: Int, counts: Bool, _ turn: consuming Turn
    ) throws(IPCError) -> Offer {
        let count = bytes.byteCount
        if case .there = table.room(blocks) {
        } else {
            var isThere = false
            do throws(IPCError) {
                isThere = try grow(for: blocks)
            } catch {
                leave(turn)
                throw error
            }
            guard isThere else {
                if counts { return .full(leaveWaiting(blocks == 1 ? .senders : .wideSenders, turn)) }
                leave(turn)
                return .full(nil)
            }
        }
        guard count <= Self.largestUnderLock else {
            let place = table.reserve(count, label, owner)
            leave(turn)
            return .reserved(place)
        }
        let place = unsafe bytes.withUnsafeBytes { unsafe table.put($0, label, owner) }
        turn.wakes.signalMessages(table)
        leave(turn)
        return table.shape.isRendezvous ? .offered(place) : .sent
    }

    /// Writes reserved blocks.
    func write(_ bytes: RawSpan, to place: QueueTable.Place) {
        KillPoints.pass("queue-fills")
        unsafe bytes.withUnsafeBytes { unsafe table.fill(place.link, from: $0) }
        KillPoints.pass("queue-filled-alone")
    }

    /// Sends what is in reserved blocks. `isDroppable`: who waits for room may drop it.
    ///
    /// - Throws: `.participantLost` when others hold this process for dead.
    func publish(
        _ place: QueueTable.Place, _ turn: consuming Turn, isDroppable: Bool = false
    ) throws(IPCError) -> Offer {
        guard let place = table.publish(place, owner) else {
            leave(turn)
            throw IPCError(
                .participantLost, "send: others hold this process for dead; open the queue anew", object: name)
        }
        if isDroppable { turn.wakes.signalRoom(table, blocks: UInt32(table.blocks(of: place.link))) }
        turn.wakes.signalMessages(table)
        leave(turn)
        return table.shape.isRendezvous ? .offered(place) : .sent
    }

    /// Whether an offered message was taken; else the caller is counted among those who wait.
    func isTaken(_ place: QueueTable.Place, _ turn: Turn) -> Ticket? {
        guard table.isOwned(place, owner, .offered) else {
            leave(turn)
            return nil
        }
        return leaveWaiting(.offers, turn)
    }

    /// Takes an offered message back. False when somebody has taken it.
    func withdraw(_ place: QueueTable.Place, _ turn: consuming Turn) -> Bool {
        let isThere = table.isOwned(place, owner, .offered)
        if isThere {
            turn.wakes.signalRoom(table, blocks: table.drop(place.link))
        }
        leave(turn)
        return isThere
    }

    /// Gives a growing queue more blocks: at least `blocks` more, if it may grow by so many.
    @inline(never)
    private func grow(for blocks: Int) throws(IPCError) -> Bool {
        guard case .growing = table.room(blocks) else { return false }
        let shape = table.shape
        let now = Int(table.blockCount)
        let wanted = min(max(blocks, QueueShape.growth / shape.blockSize), shape.blockLimit - now)
        guard table.freeBlocks + wanted >= blocks else { return false }
        try memory.allocate(wanted * shape.blockSize, at: QueueShape.blocksOffset + now * shape.blockSize)
        KillPoints.pass("queue-grown")
        table.blockCount = UInt32(now + wanted)
        return true
    }
}
