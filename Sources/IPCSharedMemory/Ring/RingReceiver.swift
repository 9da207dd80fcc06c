import IPCCore
import IPCSystem
import Synchronization

/// The receiving end of one direction of a ring.
///
/// One task at a time is the receiver; others queue behind the lock, first come first served. What the other side writes
/// is read once into a local and checked before it is used; whatever it says, what is read lies in the ring.
@safe
@usableFromInline
package final class RingReceiver: @unchecked Sendable {
    enum Ending {
        case finished
        case failed(IPCError)
    }

    /// What a look at the ring brought.
    @usableFromInline
    enum Progress {
        case message, ended, blocked
        /// Many slots and no message yet: let others run.
        case busy
    }

    let link: RingLink
    let lane: RingLane
    let maximumMessageSize: Int
    let spins: Bool
    let lock = TaskLock()

    // Protected by the lock.
    /// The next slot and the next byte of data.
    var slotPosition: UInt64
    var dataPosition: UInt64
    /// How far the peer was told that its room is its own again.
    var publishedSlots: UInt64
    var publishedBytes: UInt64
    /// Whether the message that is held was not there at once.
    var wasWaitedFor = false
    var ending: Ending?
    // One at a time by the lock; checking that again would cost as much as the rest of a message.
    @exclusivity(unchecked) var spinning = SpinPolicy()
    let scratch = RingScratch()
    /// How many bytes of a message in fragments are there, and how many it will have; nil when there is none.
    var assembly: (arrived: Int, total: Int)?
    var message: UnsafeRawBufferPointer = unsafe .init(start: nil, count: 0)
    var messageIsInRing = false
    private var hasEndedUse = false

    init(_ link: RingLink, slots: UInt64, data: UInt64, ending: Ending?, _ options: RingOptions) {
        self.link = link
        lane = link.memory.lane(1 - link.side)
        maximumMessageSize = options.maximumMessageSize
        spins = options.spin == .adaptive
        slotPosition = slots
        dataPosition = data
        publishedSlots = slots
        publishedBytes = data
        self.ending = ending
    }

    // MARK: Receiving

    /// Waits for a message. When it returns true the caller holds the message: it reads it and then calls `end`.
    ///
    /// - Parameter copiesOut: whether the message must be out of an untrusted peer's reach.
    /// - Returns: false when the peer has finished.
    @usableFromInline
    package func begin(until deadline: Deadline, copiesOut: Bool, hasSpun: Bool = false) async throws(IPCError) -> Bool
    {
        if !lock.tryAcquire() { try await lock.acquire(until: deadline, "receive", engine: link.stream.engine) }
        do throws(IPCError) {
            var progress = try look()
            var hasSpun = hasSpun
            while progress == .busy || progress == .blocked {
                if progress == .busy {
                    if Task.isCancelled { throw .cancelled("receive") }
                    if deadline.hasPassed { throw .timedOut("receive") }
                    await Task.yield()
                    if lock.isClosed { throw .closed("receive") }
                    progress = try look()
                } else {
                    if !hasSpun { progress = try spin() }
                    hasSpun = false
                    if progress == .blocked { progress = try await sleep(until: deadline) }
                }
            }
            if progress == .message {
                if copiesOut { copyOut() }
                return true
            }
        } catch {
            release()
            throw error
        }
        release()
        return false
    }

    /// The same without waiting: nil when there is nothing yet, `spinning` not even for those microseconds.
    @usableFromInline
    package func tryBegin(copiesOut: Bool, spinning: Bool = false) throws(IPCError) -> Bool? {
        guard lock.tryAcquire() else {
            if lock.isClosed { throw .closed("receive") }
            return nil  // somebody waits already, and is first in line
        }
        wasWaitedFor = false
        do throws(IPCError) {
            var progress = try look()
            if progress == .blocked && spinning { progress = try spin() }
            if progress == .message {
                if copiesOut { copyOut() }
                return true
            }
            release()
            return progress == .ended ? false : nil
        } catch {
            release()
            throw error
        }
    }

    /// The message, for who holds it.
    @usableFromInline
    package var messageBytes: UnsafeRawBufferPointer { unsafe message }

    /// A copy of the message, which no peer can change any more.
    package var messageCopy: [UInt8] { unsafe Array(message) }

    /// Lets `body` read the message.
    @inlinable
    package func withMessage<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // SAFETY: the span does not outlive the call, during which the caller holds the message.
        try body(unsafe RawSpan(_unsafeBytes: messageBytes))
    }

    /// Consumes the message and lets the next receiver go on.
    @usableFromInline
    package func end() {
        guard keepsBack else {
            tell()
            release()
            // On x86-64 giving the lock back was a full barrier.
            #if !arch(x86_64)
                atomicMemoryFence(ordering: .sequentiallyConsistent)
            #endif
            if lane.senderBell.isNotAwake { link.ringWithoutLock(lane.senderBell) }
            return
        }
        release()
    }

    /// Goes on to the next message if it is there already; else the message is over as by `end`.
    package func next(copiesOut: Bool) -> Bool {
        if isMuchUnpublished { publish() }
        // What is wrong with the next one is thrown by the next receive.
        if (try? advance()) == .message {
            if copiesOut { copyOut() }
            return true
        }
        end()
        return false
    }

    private func copyOut() {
        guard messageIsInRing, !link.isTrusted else { return }
        let room = unsafe scratch.room(message.count)
        unsafe room.copyMemory(from: message)
        unsafe message = UnsafeRawBufferPointer(room)
        messageIsInRing = false
    }

    /// After a message: whether the peer need not be told yet, because the next one is there already and not much has come
    /// together. The look at the peer's bell is then paid once for many, and a peer that waits for room wakes up to a good
    /// part of the ring.
    @inline(__always)
    private var keepsBack: Bool {
        // Who has waited for this message will wait for the next one; looking for it now would only take the line of its slot
        // from the sender.
        !wasWaitedFor && !isMuchUnpublished && isNextThere
    }

    @inline(__always)
    private var isMuchUnpublished: Bool {
        slotPosition &- publishedSlots >= lane.slotCount >> 3
            || dataPosition &- publishedBytes >= lane.dataByteCount >> 3
    }

    @inline(__always)
    private var isNextThere: Bool {
        RingWord(rawValue: lane.word(slotPosition).loadRelaxed()).isOfLap(lane.lap(slotPosition))
    }

    /// Tells the peer what was consumed: the room is its own again. Not while a message is held.
    func publish() {
        tell()
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        if lane.senderBell.mustRing() { link.ring() }
    }

    /// The same without the look at the peer's bell, which must follow behind a full barrier.
    @inline(__always)
    private func tell() {
        KillPoints.pass("ring-before-release")
        publishedBytes = dataPosition
        publishedSlots = slotPosition
        lane.consumedBytes.storeReleasing(dataPosition)
        lane.consumedSlots.storeReleasing(slotPosition)
        KillPoints.pass("ring-released")
    }

    // MARK: Looking

    /// Looks for the next message, and for the peer's end if there is none.
    func look() throws(IPCError) -> Progress {
        let progress = try advance()
        guard progress == .blocked else { return progress }
        guard lane.senderBell.isClosed || link.isPeerGone else { return .blocked }
        // What it did before its end can be seen from now on.
        let last = try advance()
        guard last == .blocked else { return last }
        if lock.isClosed { throw .closed("receive") }
        throw fail(
            assembly == nil
                ? IPCError(.peerClosed, "receive: the peer is gone without having finished")
                : IPCError(.truncated, "receive: the peer went away inside a message"))
    }

    private func advance() throws(IPCError) -> Progress {
        switch ending {
        case .finished: return .ended
        case .failed(let error): throw error
        case nil: break
        }
        var budget = lane.slotCount
        while budget > 0 {
            budget &-= 1
            let word = RingWord(rawValue: lane.word(slotPosition).loadAcquiring())
            guard word.isOfLap(lane.lap(slotPosition)) else {
                if slotPosition != publishedSlots { publish() }
                return .blocked
            }
            if try take(word) { return .message }
            if ending != nil {
                publish()
                return .ended
            }
            if !keepsBack { publish() }
        }
        return .busy
    }

    func fail(_ error: IPCError) -> IPCError {
        ending = .failed(error)
        if error.code != .peerClosed && error.code != .truncated {
            link.sayClosed()
            link.hangUp()
        }
        return error
    }

    // MARK: Closing

    func release() {
        if lock.release() { endUse() }
    }

    func close() {
        if lock.close() { endUse() } else { link.stream.registration.readable.signal() }
    }

    private func endUse() {
        guard !hasEndedUse else { return }
        hasEndedUse = true
        link.endUse()
    }
}
