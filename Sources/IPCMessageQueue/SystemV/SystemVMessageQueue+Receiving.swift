public import IPCCore
import IPCSystem

extension SystemVMessageQueue {
    /// Waits for a message that `selection` matches and lets `body` read it. msgrcv(2).
    ///
    /// - Throws: ``ChannelBodyError/channel(_:)`` with `.timedOut` or `.cancelled` when nothing was taken; `.messageTooLarge`
    ///   for a message that stays in the queue (``SystemVQueueOptions/OversizedMessages/refuse``); `.removed`;
    ///   `.invalidArgument` for a selection by a type below 1; `.permissionDenied`; `.closed`; `.resourceExhausted` when too
    ///   many tasks of this process wait; or ``ChannelBodyError/body(_:)``.
    @inlinable
    public func receive<Result, Failure: Error>(
        _ selection: QueueSelection, until deadline: Deadline,
        _ body: (RawSpan, QueueLabel) throws(Failure) -> Result
    ) async throws(ChannelBodyError<Failure>) -> Result {
        let held: HeldMessage
        do throws(IPCError) {
            held = try await take(selection, until: deadline)
        } catch {
            throw .channel(error)
        }
        defer { give(held) }
        do throws(Failure) {
            return try body(held.bytes, held.label)
        } catch {
            throw .body(error)
        }
    }

    /// The same for a copy of the message.
    public func receive(
        _ selection: QueueSelection, until deadline: Deadline = .never
    ) async throws(IPCError) -> QueueMessage<[UInt8]> {
        let buffer = buffers.take()
        defer { buffers.give(buffer) }
        let count = try await take(selection, into: buffer, until: deadline)
        let held = held(buffer, count)
        return QueueMessage(payload: [UInt8](held.bytes), label: held.label)
    }

    /// Lets `body` read a message that `selection` matches if one is there.
    public func tryReceive<Result, Failure: Error>(
        _ selection: QueueSelection, _ body: (RawSpan, QueueLabel) throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Result? {
        let buffer = buffers.take()
        defer { buffers.give(buffer) }
        let count: Int?
        do throws(IPCError) {
            try calls.checkOpen("receive")
            count = try take(try choice(selection), into: buffer)
        } catch {
            throw .channel(error)
        }
        guard let count else { return nil }
        return try read(buffer, count, body)
    }

    /// Waits for a message that `selection` matches, and blocks the calling thread meanwhile. msgrcv(2).
    ///
    /// - Throws: as ``receive(_:until:_:)``, without `.cancelled`.
    @inlinable
    public func receiveBlocking<Result, Failure: Error>(
        _ selection: QueueSelection, until deadline: Deadline,
        _ body: (RawSpan, QueueLabel) throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Result {
        let held: HeldMessage
        do throws(IPCError) {
            held = try takeBlocking(selection, until: deadline)
        } catch {
            throw .channel(error)
        }
        defer { give(held) }
        do throws(Failure) {
            return try body(held.bytes, held.label)
        } catch {
            throw .body(error)
        }
    }

    // MARK: One message in a buffer

    @usableFromInline
    func take(_ selection: QueueSelection, until deadline: Deadline) async throws(IPCError) -> HeldMessage {
        let buffer = buffers.take()
        do throws(IPCError) {
            return held(buffer, try await take(selection, into: buffer, until: deadline))
        } catch {
            buffers.give(buffer)
            throw error
        }
    }

    @usableFromInline
    func takeBlocking(_ selection: QueueSelection, until deadline: Deadline) throws(IPCError) -> HeldMessage {
        let choice = try choice(selection)
        let buffer = buffers.take()
        do throws(IPCError) {
            return held(buffer, try takeBlocking(choice, into: buffer, until: deadline))
        } catch {
            buffers.give(buffer)
            throw error
        }
    }

    @usableFromInline
    func give(_ held: HeldMessage) { buffers.give(held.buffer) }

    private func take(
        _ selection: QueueSelection, into buffer: QueueBuffer, until deadline: Deadline
    ) async throws(IPCError) -> Int {
        let choice = try choice(selection)
        try calls.checkOpen("receive")
        if let count = try take(choice, into: buffer) { return count }
        if let count = try lookAgain(choice, into: buffer) {
            if spinning.withLock({ $0.takesBreak() }) { await Task.yield() }
            return count
        }
        if Task.isCancelled { throw .cancelled("receive") }
        if deadline.hasPassed { throw .timedOut("receive") }
        let call = try calls.begin("receive")
        defer { calls.end(call) }
        let count = try await InterruptibleCalls.shared.run(call, until: deadline, "receive") {
            () throws(IPCError) -> Int? in
            try self.waitFor(choice, into: buffer)
        }
        // Only closing this object ends the call of a task that goes on.
        guard let count else { throw .closed("receive") }
        return count
    }

    private func takeBlocking(
        _ choice: SystemVQueueCalls.Choice, into buffer: QueueBuffer, until deadline: Deadline
    ) throws(IPCError) -> Int {
        if deadline != .never {
            try calls.checkOpen("receive")
            if let count = try take(choice, into: buffer) { return count }
            if deadline.hasPassed { throw .timedOut("receive") }
        }
        let call = try calls.begin("receive")
        defer { calls.end(call) }
        let count = try call.runBlocking(until: deadline, "receive") { () throws(IPCError) -> Int? in
            try waitFor(choice, into: buffer)
        }
        if let count { return count }
        try calls.checkOpen("receive")
        throw .timedOut("receive")
    }

    private func take(_ choice: SystemVQueueCalls.Choice, into buffer: QueueBuffer) throws(IPCError) -> Int? {
        do throws(SystemCallError) {
            return try unsafe SystemVQueueCalls.receive(identifier, into: room(of: buffer), choice)
        } catch {
            throw explain(receiving: error)
        }
    }

    private func waitFor(_ choice: SystemVQueueCalls.Choice, into buffer: QueueBuffer) throws(IPCError) -> Int? {
        do throws(SystemCallError) {
            return try unsafe SystemVQueueCalls.receiveInterruptibly(identifier, into: room(of: buffer), choice)
        } catch {
            throw explain(receiving: error)
        }
    }

    /// Looks again before a thread is asked to wait, as long as that has paid off lately.
    private func lookAgain(_ choice: SystemVQueueCalls.Choice, into buffer: QueueBuffer) throws(IPCError) -> Int? {
        // Several may look at once: a record that gets lost only changes how soon they give up.
        var policy = spinning.withLock { $0 }
        defer { spinning.withLock { [policy] in $0 = policy } }
        return try policy.lookAgain(.shared) { () throws(IPCError) in try take(choice, into: buffer) }
    }

    /// Where a message is cut, one byte more shows it; where it is refused, the kernel compares with what there is room for.
    private func room(of buffer: QueueBuffer) -> UnsafeMutableRawBufferPointer {
        let spare = oversizedMessages == .truncate ? 1 : 0
        return unsafe UnsafeMutableRawBufferPointer(
            rebasing: buffer.bytes[..<(SystemVQueueCalls.headerSize + maximumMessageSize + spare)])
    }

    private func held(_ buffer: QueueBuffer, _ count: Int) -> HeldMessage {
        var label = unsafe QueueLabel(type: buffer.bytes.load(as: Int.self))
        label.isTruncated = count > maximumMessageSize
        return HeldMessage(
            buffer, SystemVQueueCalls.headerSize, count: min(count, maximumMessageSize), label)
    }

    private func read<Result, Failure: Error>(
        _ buffer: QueueBuffer, _ count: Int, _ body: (RawSpan, QueueLabel) throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Result {
        let held = held(buffer, count)
        do throws(Failure) {
            return try body(held.bytes, held.label)
        } catch {
            throw .body(error)
        }
    }

    private func choice(_ selection: QueueSelection) throws(IPCError) -> SystemVQueueCalls.Choice {
        if let type = selection.namedType, type < 1 {
            throw IPCError(
                .invalidArgument, "receive: type \(type), and types of a System V queue are 1 or above", object: object)
        }
        let cuts = oversizedMessages == .truncate
        return switch selection {
        case .any: SystemVQueueCalls.Choice(type: 0, isException: false, cuts: cuts)
        case .only(let type): SystemVQueueCalls.Choice(type: Int64(type), isException: false, cuts: cuts)
        case .lowest(let limit): SystemVQueueCalls.Choice(type: -Int64(limit), isException: false, cuts: cuts)
        case .anyExcept(let type): SystemVQueueCalls.Choice(type: Int64(type), isException: true, cuts: cuts)
        }
    }

    private func explain(receiving error: SystemCallError) -> IPCError {
        guard error.errno == Errno.argumentListTooLong else { return explain(error, "receive from a System V queue") }
        return IPCError(
            .messageTooLarge,
            "receive: the next message is larger than \(maximumMessageSize) bytes and stays in the queue; open it with a "
                + "larger maximumMessageSize, or let it be cut (oversizedMessages: .truncate)", object: object,
            systemCall: error.call.rawValue, errno: error.errno)
    }
}
