import IPCCore
import IPCParticipants
import IPCSystem

/// The steps of a message's life, each with the lock.
extension QueueTable {
    /// What a message is, once it has a place: enough to find it again and to see that it is still the same.
    struct Place: Sendable {
        let link: Link
        let sequence: UInt64
    }

    enum Room {
        case there
        /// The queue could grow.
        case growing
        case none
    }

    /// Whether a message of `size` bytes fits.
    @inline(__always)
    func room(_ blocks: Int) -> Room {
        guard Int(get(.messages)) < shape.messageLimit else { return .none }
        if freeBlocks >= blocks { return .there }
        return shape.isGrowing && Int(blockCount) < shape.blockLimit ? .growing : .none
    }

    /// Writes what is known of a message into free blocks. Its state says free still.
    @inline(__always)
    private func begin(_ size: Int, _ label: QueueLabel, _ owner: UInt64) -> Place {
        let link = takeBlocks(shape.blocks(for: size))
        KillPoints.pass("queue-blocks-taken")
        let sequence = nextSequence
        nextSequence = sequence &+ 1
        setField(link, .size, UInt32(size))
        setField(link, .priority, UInt32(label.priority))
        setWide(link, .type, UInt64(bitPattern: Int64(label.type)))
        setWide(link, .owner, owner)
        setWide(link, .sequence, sequence)
        return Place(link: link, sequence: sequence)
    }

    private func countIn(_ size: Int) {
        add(.messages, 1)
        usedBytes &+= UInt64(size)
    }

    /// Sends a message; there is room.
    func put(_ source: UnsafeRawBufferPointer, _ label: QueueLabel, _ owner: UInt64) -> Place {
        let place = begin(source.count, label, owner)
        unsafe fill(place.link, from: source)
        KillPoints.pass("queue-filled")
        countIn(source.count)
        publish(place.link)
        return place
    }

    /// The commit of a send.
    private func publish(_ link: Link) {
        if shape.hasChecksums { setWide(link, .checksum, checksum(link)) }
        commit(link, MessageState(shape.isRendezvous ? .offered : .ready))
        KillPoints.pass("queue-committed")
        if shape.isRendezvous { add(.owned, 1) }
        appendReady(link)
        KillPoints.pass("queue-listed")
    }

    /// Takes blocks for a message that is to be written without the lock; there is room.
    func reserve(_ size: Int, _ label: QueueLabel, _ owner: UInt64) -> Place {
        let place = begin(size, label, owner)
        commit(place.link, MessageState(.filling))
        KillPoints.pass("queue-reserved")
        countIn(size)
        add(.owned, 1)
        return place
    }

    /// Sends what was written into reserved blocks.
    ///
    /// - Returns: its place in the queue; nil when others took the blocks, because they hold this process for dead.
    func publish(_ place: Place, _ owner: UInt64) -> Place? {
        guard isOwned(place, owner, .filling) else { return nil }
        let sequence = nextSequence
        nextSequence = sequence &+ 1
        setWide(place.link, .sequence, sequence)
        add(.owned, -1)
        publish(place.link)
        return Place(link: place.link, sequence: sequence)
    }

    func isOwned(_ place: Place, _ owner: UInt64, _ kind: MessageState.Kind) -> Bool {
        state(place.link).kind == kind && wide(place.link, .owner) == owner
            && wide(place.link, .sequence) == place.sequence
    }

    func blocks(of link: Link) -> Int { shape.blocks(for: size(link)) }

    /// Frees a message that is in no list.
    ///
    /// - Returns: how many blocks that were.
    @discardableResult
    func free(_ link: Link, hadOwner: Bool) -> UInt32 {
        let size = size(link)
        let blocks = shape.blocks(for: size)
        commit(link, MessageState(.free))
        KillPoints.pass("queue-freed")
        add(.messages, -1)
        if hadOwner { add(.owned, -1) }
        usedBytes &-= UInt64(size)
        giveBlocks(link, blocks)
        return UInt32(clamping: blocks)
    }

    /// Gives a message out under a lease.
    func lease(_ link: Link, _ owner: UInt64) -> (place: Place, deliveries: Int) {
        let state = state(link)
        let deliveries = state.deliveries + 1
        setWide(link, .owner, owner)
        commit(link, MessageState(.leased, deliveries: deliveries))
        KillPoints.pass("queue-leased")
        removeReady(link)
        if state.kind != .offered { add(.owned, 1) }
        add(.leased, 1)
        return (Place(link: link, sequence: wide(link, .sequence)), deliveries)
    }

    /// What becomes of a leased message: it was received, or is given back. `counts`: whether the delivery does.
    ///
    /// - Returns: how many blocks are free for that; nil when it is not ours any more.
    func settle(_ place: Place, _ owner: UInt64, isReceived: Bool, counts: Bool = true) -> UInt32? {
        guard isOwned(place, owner, .leased) else { return nil }
        add(.leased, -1)
        if isReceived { return free(place.link, hadOwner: true) }
        let deliveries = max(0, state(place.link).deliveries - (counts ? 0 : 1))
        let isOver = shape.maximumDeliveries > 0 && deliveries >= shape.maximumDeliveries
        commit(place.link, MessageState(isOver ? .deadLetter : .ready, deliveries: deliveries))
        KillPoints.pass("queue-given-back")
        add(.owned, -1)
        if isOver {
            add(.messages, -1)
            usedBytes &-= UInt64(size(place.link))
            insert(place.link, into: .deadLetters)
            add(.deadLetters, 1)
        } else {
            insertReady(place.link)
        }
        return 0
    }

    /// Makes a message that this process owns nobody's, without the lock: the next look after a death (`recover`) finds it as
    /// if its owner were dead and gone. One store does it; whoever is killed before it has still died with the message.
    ///
    /// - Parameter counts: whether a delivery does.
    /// - Returns: false when it is not ours any more.
    func abandon(_ place: Place, _ owner: UInt64, counts: Bool) -> Bool {
        let (found, at) = (state(place.link), offset(place.link))
        guard owner != 0, found.hasOwner, isOwned(place, owner, found.kind) else { return false }
        if found.kind == .leased, !counts {
            // Whoever holds this process for dead may be giving it to another one.
            let uncounted = MessageState(.leased, deliveries: max(0, found.deliveries - 1)).rawValue
            guard bytes.word64(at).replaceSequential(found.rawValue, with: uncounted).isDone else { return false }
        }
        KillPoints.pass("queue-abandons")
        return bytes.word64(at + WideField.owner.rawValue).replaceSequential(owner, with: 0).isDone
    }

    /// Frees a message that can be received.
    ///
    /// - Returns: how many blocks that were.
    @discardableResult
    func drop(_ link: Link) -> UInt32 {
        let isOffered = state(link).kind == .offered
        removeReady(link)
        return free(link, hadOwner: isOffered)
    }

    /// Frees a dead letter.
    ///
    /// - Returns: how many blocks that were.
    func dropDeadLetter(_ link: Link) -> UInt32 {
        let blocks = shape.blocks(for: size(link))
        remove(link, from: .deadLetters)
        commit(link, MessageState(.free))
        KillPoints.pass("queue-freed")
        add(.deadLetters, -1)
        giveBlocks(link, blocks)
        return UInt32(clamping: blocks)
    }
}
