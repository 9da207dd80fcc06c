import IPCCore
import IPCSystem
import Synchronization

/// The sending end of one direction of a ring.
///
/// What each side sees when this one dies:
///
/// | killed… | the receiver sees |
/// |---|---|
/// | while a message is written, or a loan is out | the slot's word of an earlier lap: nothing was sent |
/// | after the word was stored, before the bell | the message; if it sleeps, the hang-up of the socket wakes it |
/// | between two fragments | what was sent before, then `.truncated` |
/// | after the bell | the message, then `.peerClosed` |
///
/// And when the receiver dies, this one sees the hang-up with its next message, or at once if it waits for room. Room that
/// the dead receiver had not given back is of no use to anybody: the memory goes with the last of the two processes.
@safe
@usableFromInline
package final class RingSender: @unchecked Sendable {
    /// Where a message is written before it is sent.
    enum Place {
        case slot, data, scratch
    }

    let link: RingLink
    let lane: RingLane
    let maximumMessageSize: Int
    private let spins: Bool
    let lock = TaskLock()

    // Protected by the lock.
    /// The next slot and the next byte of data.
    var slotPosition: UInt64
    private(set) var dataPosition: UInt64
    /// How far the receiver was when this looked last.
    private var knownSlots: UInt64
    private var knownBytes: UInt64
    var hasFinished: Bool
    private(set) var failure: IPCError?
    // One at a time by the lock; checking that again would cost as much as the rest of a message.
    @exclusivity(unchecked) private var spinning = SpinPolicy()
    let scratch = RingScratch()
    var place = Place.slot
    private var hasEndedUse = false

    init(_ link: RingLink, slots: UInt64, data: UInt64, hasFinished: Bool, _ options: RingOptions) {
        self.link = link
        lane = link.memory.lane(link.side)
        maximumMessageSize = options.maximumMessageSize
        spins = options.spin == .adaptive
        slotPosition = slots
        dataPosition = data
        // Nothing is free until the receiver's words say so, which the first message looks up.
        knownSlots = slots &- lane.slotCount
        knownBytes = data &- lane.dataByteCount
        self.hasFinished = hasFinished
    }

    /// Bytes of data that were sent so far. A property that other modules see would be checked for exclusive access.
    package var sentDataByteCount: UInt64 { dataPosition }

    // MARK: Room

    /// Whether `slots` slots and room for `count` bytes of data are free. Zero bytes stand for "none".
    @inline(__always)
    func hasRoom(slots: UInt64 = 1, bytes: UInt64) throws(IPCError) -> Bool {
        if slotPosition &- knownSlots &+ slots <= lane.slotCount
            && dataPosition &- knownBytes &+ bytes <= lane.dataByteCount
        {
            return true
        }
        return try looksLikeRoom(slots: slots, bytes: bytes)
    }

    @inline(never)
    private func looksLikeRoom(slots: UInt64, bytes: UInt64) throws(IPCError) -> Bool {
        let slotsNow = lane.consumedSlots.loadAcquiring()
        let bytesNow = lane.consumedBytes.loadAcquiring()
        guard slotPosition &- slotsNow <= lane.slotCount, dataPosition &- bytesNow <= lane.dataByteCount else {
            throw fail(
                IPCError(
                    .protocolViolation,
                    "send: the peer broke the protocol of the ring: it says to have received what was not sent"))
        }
        knownSlots = slotsNow
        knownBytes = bytesNow
        return slotPosition &- slotsNow &+ slots <= lane.slotCount
            && dataPosition &- bytesNow &+ bytes <= lane.dataByteCount
    }

    /// What a whole message of `count` bytes takes of the data.
    @inline(__always)
    func dataBytes(_ count: Int) -> UInt64 { count <= RingGeometry.inlineLimit ? 0 : RingLane.room(count) }

    /// Waits until there is room. The caller has looked once.
    func waitForRoom(
        slots: UInt64 = 1, bytes: UInt64, until deadline: Deadline, _ doing: StaticString = "send"
    ) async throws(IPCError) {
        while true {
            if try spin(slots, bytes) { return }
            lane.senderBell.announce()
            let isThere: Bool
            do throws(IPCError) {
                isThere = try hasRoom(slots: slots, bytes: bytes)
                try checkPeer()
                if !isThere { try await link.stream.registration.writable.wait(until: deadline, doing) }
            } catch {
                lane.senderBell.withdraw()
                throw error
            }
            lane.senderBell.withdraw()
            if lock.isClosed { throw .closed("\(doing)") }
            if isThere { return }
            link.answer()
            try checkPeer()
            if try hasRoom(slots: slots, bytes: bytes) { return }
        }
    }

    private func spin(_ slots: UInt64, _ bytes: UInt64) throws(IPCError) -> Bool {
        guard spins, unsafe spinning.shouldSpin(link.stream.engine) else { return false }
        var limit = UInt64.max
        var isThere = false
        var isOver = false
        repeat {
            var count = 32
            repeat {
                isThere = try hasRoom(slots: slots, bytes: bytes)
                if isThere { break }
                ProcessorHint.pause()
                count &-= 1
            } while count > 0
            if isThere { break }
            let now = MonotonicClock.nanoseconds
            if limit == .max { limit = now + RingSpin.limit }
            isOver = now >= limit
        } while !isOver
        unsafe spinning.record(isThere)
        return isThere
    }

    // MARK: Messages

    /// Puts a whole message into the ring if there is room; the bell is not rung. `bytes` fit into the ring.
    @inline(__always)
    func put(_ bytes: UnsafeRawBufferPointer) throws(IPCError) -> Bool {
        let count = bytes.count
        if count <= RingGeometry.inlineLimit {
            guard try hasRoom(bytes: 0) else { return false }
            if count > 0 { unsafe lane.inline(slotPosition).copyMemory(from: bytes) }
            KillPoints.pass("ring-filled")
            commit(.inline, count)
        } else {
            guard try hasRoom(bytes: RingLane.room(count)) else { return false }
            unsafe lane.bytes(dataPosition, count).copyMemory(from: bytes)
            KillPoints.pass("ring-filled")
            commit(.whole, count)
        }
        return true
    }

    /// Stores the word of the next slot: what was written is a message from now on.
    @inline(__always)
    func commit(_ kind: RingWord.Kind, _ count: Int) {
        let word = RingWord(kind, count, lap: lane.lap(slotPosition))
        // An exchange would wait for what was written before, and then ask for the line again if the receiver, who polls
        // it, has taken it meanwhile. A store leaves together with them; the barrier comes later.
        lane.word(slotPosition).storeReleasing(word.rawValue)
        // The lines that the next message will be written to: they come while the barrier behind this one waits for its own,
        // which the receiver has, and not one after the other afterwards.
        lane.prepareSlot(after: slotPosition)
        slotPosition &+= 1
        if kind != .inline {
            let room = RingLane.room(count)
            dataPosition &+= room
            if dataPosition &- knownBytes &+ room <= lane.dataByteCount { lane.prepareBytes(dataPosition, count) }
        }
        KillPoints.pass("ring-committed")
    }

    /// Wakes the receiver if it sleeps, after whatever was committed, with the lock held.
    func wakeReceiver() {
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        if lane.receiverBell.mustRing() { link.ring() }
    }

    /// Gives the lock back, and wakes the receiver if it sleeps, after whatever was committed.
    ///
    /// On x86-64 giving the lock back is a full barrier, so that the look at the bell needs none of its own. Each one of
    /// those would wait for the message's lines to arrive from the receiver's processor.
    @inline(__always)
    func releaseAndWake() {
        release()
        #if !arch(x86_64)
            atomicMemoryFence(ordering: .sequentiallyConsistent)
        #endif
        if lane.receiverBell.isNotAwake { link.ringWithoutLock(lane.receiverBell) }
    }

    // MARK: State

    func checkSize(_ count: Int) throws(IPCError) {
        guard count <= maximumMessageSize else {
            throw IPCError(
                .messageTooLarge,
                "send: the message has \(count) bytes and the limit is \(maximumMessageSize); raise "
                    + "maximumMessageSize on both sides, or send it in parts")
        }
    }

    @inline(__always)
    func checkState() throws(IPCError) {
        if failure != nil || hasFinished { throw whyNot() }
        try checkPeer()
    }

    @inline(never)
    private func whyNot() -> IPCError {
        failure ?? IPCError(.finished, "send: this end has finished; open another channel to send more")
    }

    @inline(__always)
    func checkPeer() throws(IPCError) {
        if lane.receiverBell.isClosed || link.isPeerGone {
            if lock.isClosed { throw .closed("send") }
            throw fail(IPCError(.peerClosed, "send: the peer is gone"))
        }
    }

    private func fail(_ error: IPCError) -> IPCError {
        failure = error
        if error.code != .peerClosed {
            link.sayClosed()
            link.hangUp()
        }
        return error
    }

    // MARK: Closing

    @usableFromInline
    func release() {
        if lock.release() { endUse() }
    }

    func close() {
        if lock.close() { endUse() } else { link.stream.registration.writable.signal() }
    }

    private func endUse() {
        guard !hasEndedUse else { return }
        hasEndedUse = true
        link.endUse()
    }
}
