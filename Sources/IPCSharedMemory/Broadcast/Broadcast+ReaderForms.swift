public import IPCCore
import IPCSystem

extension Broadcast.Reader: ByteReceiveChannel {
    /// Waits for the next message. Those that were missed show in ``lappedCount``.
    ///
    /// - Returns: nil when the writer has finished and everything was delivered.
    /// - Throws: `.timedOut`, `.cancelled`, with nothing consumed; `.peerClosed` as long as the writer is gone without having
    ///   finished; `.messageTooLarge` above ``maximumMessageSize``; `.protocolViolation` when the memory says what cannot be; `.closed`.
    public func receive(until deadline: Deadline) async throws(IPCError) -> [UInt8]? {
        if !lock.tryAcquire() { try await lock.acquire(until: deadline, "receive a broadcast") }
        defer { release() }
        if try next() == nil {
            guard try await wait(until: deadline) != nil else { return nil }
        }
        return take()
    }

    /// The next message if one is there.
    public func tryReceive() throws(IPCError) -> Received<[UInt8]> {
        guard try tryAcquire() else { return .empty }
        defer { release() }
        guard case .message = try look() else { return hasEnded ? .finished : .empty }
        return .message(take())
    }

    /// Waits for what comes next: a message, or that messages were missed, in the order in which it happened.
    ///
    /// - Returns: nil when the writer has finished and everything was delivered.
    /// - Throws: as ``receive(until:)``.
    public func nextEvent(until deadline: Deadline = .never) async throws(IPCError) -> BroadcastEvent? {
        try await lock.acquire(until: deadline, "receive a broadcast")
        defer { release() }
        switch try await wait(until: deadline, tellsLaps: true) {
        case nil, .empty: return nil
        case .lapped(let count): return .lapped(count)
        case .message: return .message(take())
        }
    }

    /// Waits for a message and lets `body` read the copy of it that this reader made.
    public func receive<Result, Failure: Error>(
        until deadline: Deadline, _ body: (RawSpan) throws(Failure) -> Result
    ) async throws(ChannelBodyError<Failure>) -> Result? {
        do {
            if !lock.tryAcquire() { try await lock.acquire(until: deadline, "receive a broadcast") }
        } catch {
            throw .channel(error)
        }
        defer { release() }
        do {
            if try next() == nil {
                guard try await wait(until: deadline) != nil else { return nil }
            }
        } catch {
            throw .channel(error)
        }
        return try take(body)
    }

    /// Lets `body` read a message if one is there.
    public func tryReceive<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Received<Result> {
        do {
            guard try tryAcquire() else { return .empty }
        } catch {
            throw .channel(error)
        }
        defer { release() }
        do {
            guard case .message = try look() else { return hasEnded ? .finished : .empty }
        } catch {
            throw .channel(error)
        }
        return .message(try take(body))
    }

    /// Waits for at least one message and hands over those that are there, at most `maximumCount`.
    public func receive(
        upTo maximumCount: Int, until deadline: Deadline, into body: (RawSpan) -> Void
    ) async throws(IPCError) -> Int? {
        precondition(maximumCount > 0, "a batch has room for at least one message")
        if !lock.tryAcquire() { try await lock.acquire(until: deadline, "receive a broadcast") }
        defer { release() }
        if try next() == nil {
            guard try await wait(until: deadline) != nil else { return nil }
        }
        return cursor?.drain(maximumCount, into: body)
    }

    // MARK: Under the lock

    private func tryAcquire() throws(IPCError) -> Bool {
        if lock.tryAcquire() { return true }
        if lock.isClosed { throw .closed("receive a broadcast") }
        return false
    }

    private func take() -> [UInt8] { take { [UInt8]($0) } }

    private func take<Result>(_ body: (RawSpan) -> Result) -> Result {
        let cursor = cursor!
        defer { cursor.consume() }
        return unsafe body(cursor.message.bytes)
    }

    private func take<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Result {
        let cursor = cursor!
        defer { cursor.consume() }
        do {
            return try unsafe body(cursor.message.bytes)
        } catch {
            throw .body(error)
        }
    }
}

/// One descriptor; as state one byte for the version, one for where it goes on after a lap, four for the slot (all ones:
/// none), eight for the position and four for the number of the record there.
extension Broadcast.Reader: DescriptorTransferable {
    private static let stateVersion: UInt8 = 1

    /// Gives the reader away with its place in the stream. In a lossless broadcast its slot goes along: the writer waits
    /// for it while it is on its way, too.
    ///
    /// - Throws: `.unsupported` for a broadcast that is not anonymous: give its name instead; `.invalidArgument` while
    ///   another task receives; `.closed`; `.resourceExhausted`.
    public consuming func transfer() throws(IPCError) -> TransferredDescriptors {
        guard memory.region.place == .anonymous else {
            throw IPCError(
                .unsupported, "pass a broadcast on: it has a name, which the other side can open",
                object: memory.region.place.description)
        }
        guard try tryAcquire() else {
            throw IPCError(.invalidArgument, "pass a broadcast on: another task receives from it")
        }
        guard let cursor else {
            release()
            throw .closed("pass a broadcast on")
        }
        let passed: [PassedDescriptor]
        do throws(IPCError) {
            if let seat = cursor.seat {
                passed = [try PassedDescriptor(duplicating: seat.file.number)]
                cursor.publishPosition()
                seat.giveAway()
            } else {
                passed = try memory.region.transfer(for: .readOnly).descriptors
            }
        } catch {
            release()
            throw error
        }
        var state: [UInt8] = [Self.stateVersion, cursor.afterLap == .oldest ? 0 : 1]
        let slot = cursor.seat.map { UInt32($0.slot) } ?? .max
        for shift in 0..<4 { state.append(UInt8(truncatingIfNeeded: slot >> (8 * shift))) }
        for shift in 0..<8 { state.append(UInt8(truncatingIfNeeded: cursor.unreadPosition >> (8 * shift))) }
        for shift in 0..<4 { state.append(UInt8(truncatingIfNeeded: cursor.unreadSequence >> (8 * shift))) }
        _ = lock.close()
        release()
        return TransferredDescriptors(descriptors: passed, state: state)
    }

    /// The reader on the other side.
    ///
    /// - Throws: `.decodingFailed` when this is none; `.typeMismatch`, `.wrongVersion` or `.protocolViolation` when the
    ///   memory is something else, or could be taken away; `.resourceExhausted`.
    public static func receive(_ transferred: TransferredDescriptors) throws(IPCError) -> Self {
        try receive(transferred, maximumMessageSize: defaultMaximumMessageSize)
    }

    /// The reader on the other side, which allocates at most `maximumMessageSize` bytes for a message.
    ///
    /// - Throws: as without a limit; `.invalidArgument` for a negative one.
    public static func receive(
        _ transferred: TransferredDescriptors, maximumMessageSize: Int
    ) throws(IPCError) -> Self {
        try BroadcastCursor.check(maximumMessageSize)
        let state = transferred.state
        guard transferred.descriptors.count == 1, state.count == 18, state[0] == stateVersion, state[1] <= 1 else {
            throw IPCError(.decodingFailed, "receive a broadcast: this is not the state of a reader")
        }
        let slot = UInt32(truncatingIfNeeded: number(state[2..<6]))
        let memory = try memory(transferred, isLossless: slot != .max)
        let seat = slot == .max ? nil : try BroadcastSeat(memory, slot: Int(slot))
        return make(
            memory,
            BroadcastCursor(
                memory, seat: seat, at: number(state[6..<14]),
                sequence: UInt32(truncatingIfNeeded: number(state[14...])),
                afterLap: state[1] == 0 ? .oldest : .newest, maximumMessageSize: maximumMessageSize))
    }

    /// A new reader of the broadcast behind a descriptor.
    convenience init(
        _ transferred: TransferredDescriptors, isLossless: Bool, from start: BroadcastStart, afterLap: BroadcastStart,
        maximumMessageSize: Int
    ) throws(IPCError) {
        let memory = try Self.memory(transferred, isLossless: isLossless)
        self.init(
            memory,
            try BroadcastCursor(memory, from: start, afterLap: afterLap, maximumMessageSize: maximumMessageSize))
    }

    private static func memory(
        _ transferred: TransferredDescriptors, isLossless: Bool
    ) throws(IPCError) -> BroadcastMemory {
        let region = try SharedMemory.receive(
            transferred.descriptors[0], isLossless ? .readWrite : .readOnly, nil, BroadcastMemory.layout)
        let memory = try BroadcastMemory(region)
        guard memory.isLossless == isLossless else {
            throw IPCError(.decodingFailed, "receive a broadcast: it is of the other kind")
        }
        return memory
    }

    private static func make(_ memory: BroadcastMemory, _ cursor: BroadcastCursor) -> Self { Self(memory, cursor) }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
