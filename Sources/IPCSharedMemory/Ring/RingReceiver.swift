import IPCCore
import IPCSystem

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
    private let spins: Bool
    let lock = TaskLock()

    // Protected by the lock.
    /// The next slot and the next byte of data. The peer is told what was consumed when a message is done with.
    var slotPosition: UInt64
    var dataPosition: UInt64
    private(set) var ending: Ending?
    // One at a time by the lock; checking that again would cost as much as the rest of a message.
    @exclusivity(unchecked) private var sleeper: RingSleeper
    @exclusivity(unchecked) private var spinning = SpinPolicy()
    private let scratch = RingScratch()
    /// How many bytes of a message in fragments are there, and how many it will have; nil when there is none.
    private(set) var assembly: (arrived: Int, total: Int)?
    private var message: UnsafeRawBufferPointer = unsafe .init(start: nil, count: 0)
    private var messageIsInRing = false
    private var hasEndedUse = false

    init(_ link: RingLink, slots: UInt64, data: UInt64, ending: Ending?, _ options: RingOptions) {
        self.link = link
        lane = link.memory.lane(1 - link.side)
        maximumMessageSize = options.maximumMessageSize
        spins = options.spin == .adaptive
        slotPosition = slots
        dataPosition = data
        self.ending = ending
        unsafe sleeper = RingSleeper(lane.receiverBell)
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
        publish()
        release()
    }

    /// Goes on to the next message if it is there already; else the message is over as by `end`.
    package func next(copiesOut: Bool) -> Bool {
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

    /// Tells the peer what was consumed: the room is its own again.
    private func publish() {
        KillPoints.pass("ring-before-release")
        lane.consumedBytes.storeReleasing(dataPosition)
        lane.consumedSlots.storeReleasing(slotPosition)
        KillPoints.pass("ring-released")
        if lane.senderBell.mustRing() { link.ring() }
    }

    // MARK: Looking

    /// Looks for the next message, and for the peer's end if there is none.
    private func look() throws(IPCError) -> Progress {
        let progress = try advance()
        if progress != .blocked {
            unsafe sleeper.stayedAwake()
            return progress
        }
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
            guard word.isOfLap(lane.lap(slotPosition)) else { return .blocked }
            if try take(word) { return .message }
            publish()
            if ending != nil { return .ended }
        }
        return .busy
    }

    /// Takes the slot at the front, whose word is `word`.
    ///
    /// - Returns: whether it made a message whole.
    private func take(_ word: RingWord) throws(IPCError) -> Bool {
        let length = word.length
        switch word.kind {
        case .inline where length <= RingGeometry.inlineLimit && assembly == nil:
            try checkSize(length)
            unsafe message = UnsafeRawBufferPointer(rebasing: lane.inline(slotPosition)[..<length])
            messageIsInRing = true
        case .whole where length <= Int(lane.dataByteCount) && assembly == nil:
            try checkSize(length)
            unsafe message = UnsafeRawBufferPointer(lane.bytes(dataPosition, length))
            messageIsInRing = true
            dataPosition &+= RingLane.room(length)
        case .fragment where length <= Int(lane.dataByteCount), .lastFragment where length <= Int(lane.dataByteCount):
            try append(length)
            dataPosition &+= RingLane.room(length)
            if word.kind == .fragment {
                slotPosition &+= 1
                return false
            }
            guard let assembly, assembly.arrived == assembly.total else {
                throw violation("the fragments of a message are less than was announced")
            }
            unsafe message = UnsafeRawBufferPointer(scratch.room(assembly.total, keeping: assembly.total))
            messageIsInRing = false
            self.assembly = nil
        case .abandoned where assembly != nil:
            assembly = nil
            slotPosition &+= 1
            return false
        case .end where assembly == nil:
            ending = .finished
            slotPosition &+= 1
            return false
        default:
            throw violation("a slot says \(String(word.rawValue, radix: 16)), which it must not here")
        }
        slotPosition &+= 1
        KillPoints.pass("ring-taken")
        return true
    }

    /// Copies a fragment to those before it. Memory grows with what has arrived, not with what is announced.
    private func append(_ length: Int) throws(IPCError) {
        let said = unsafe lane.inline(slotPosition).loadUnaligned(as: UInt64.self)
        guard let total = Int(exactly: said) else { throw tooLarge("\(said)") }
        try checkSize(total)
        let (arrived, expected) = assembly ?? (0, total)
        guard total == expected, length <= total - arrived else {
            throw violation("the fragments of a message contradict each other")
        }
        let room = unsafe scratch.room(appending: length, to: arrived, limit: total)
        unsafe room.copyMemory(from: UnsafeRawBufferPointer(lane.bytes(dataPosition, length)))
        assembly = (arrived + length, total)
    }

    private func checkSize(_ count: Int) throws(IPCError) {
        guard count <= maximumMessageSize else { throw tooLarge("\(count)") }
    }

    private func tooLarge(_ count: String) -> IPCError {
        fail(
            IPCError(
                .messageTooLarge,
                "receive: the peer sent a message of \(count) bytes and the limit is \(maximumMessageSize)"))
    }

    private func violation(_ what: String) -> IPCError {
        fail(IPCError(.protocolViolation, "receive: the peer broke the protocol of the ring: \(what)"))
    }

    private func fail(_ error: IPCError) -> IPCError {
        ending = .failed(error)
        if error.code != .peerClosed && error.code != .truncated {
            link.sayClosed()
            link.hangUp()
        }
        return error
    }

    // MARK: Waiting

    private func spin() throws(IPCError) -> Progress {
        guard spins, unsafe spinning.shouldSpin(link.stream.engine) else { return .blocked }
        let limit = MonotonicClock.nanoseconds + SpinPolicy.limit
        let word = lane.word(slotPosition)
        let lap = lane.lap(slotPosition)
        var isThere = false
        repeat {
            var count = 32
            repeat {
                isThere = RingWord(rawValue: word.loadRelaxed()).isOfLap(lap)
                if isThere { break }
                Processor.pause()
                count &-= 1
            } while count > 0
        } while !isThere && MonotonicClock.nanoseconds < limit
        unsafe spinning.record(isThere)
        return try look()
    }

    /// One sleep: until the bell rings, the peer hangs up, or the wait is over.
    private func sleep(until deadline: Deadline) async throws(IPCError) -> Progress {
        unsafe sleeper.announce()
        let progress: Progress
        do throws(IPCError) {
            progress = try look()
        } catch {
            unsafe sleeper.withdraw()
            throw error
        }
        guard progress == .blocked else {
            unsafe sleeper.withdraw()
            return progress
        }
        let point = link.stream.registration.readable
        if point.willLast { scratch.release(unlessKeeping: assembly != nil) }
        do throws(IPCError) {
            try await point.wait(until: deadline, "receive")
        } catch {
            unsafe sleeper.withdraw()
            throw error
        }
        unsafe sleeper.withdraw()
        if lock.isClosed { throw .closed("receive") }
        link.answer()
        return try look()
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
