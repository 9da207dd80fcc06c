extension InProcessChannel {
    /// Sends a copy of the bytes. See ``ByteSendChannel``.
    public func send(_ bytes: RawSpan, until deadline: Deadline) async throws(IPCError) {
        try checkSize(bytes.byteCount)
        try await outgoing.send([UInt8](bytes), until: deadline)
    }

    /// Sends a copy of the bytes if there is room for it now.
    public func trySend(_ bytes: RawSpan) throws(IPCError) -> Bool {
        try checkSize(bytes.byteCount)
        return try outgoing.trySend([UInt8](bytes))
    }

    /// Lets `body` write the message, then sends it. `body` runs before there is room.
    public func send<Failure: Error>(
        byteCount: Int, until deadline: Deadline, initializingWith body: (inout OutputRawSpan) throws(Failure) -> Void
    ) async throws(ChannelBodyError<Failure>) {
        precondition(byteCount >= 0, "a message cannot have a negative size")
        do {
            try outgoing.checkSending()
            try checkSize(byteCount)
        } catch {
            throw .channel(error)
        }
        let message = try Self.message(byteCount, body)
        do {
            try await outgoing.send(message, until: deadline)
        } catch {
            throw .channel(error)
        }
    }

    private static func message<Failure: Error>(
        _ byteCount: Int, _ body: (inout OutputRawSpan) throws(Failure) -> Void
    ) throws(ChannelBodyError<Failure>) -> [UInt8] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 16)
        defer { unsafe buffer.deallocate() }
        // SAFETY: the span's memory is the buffer, which outlives it; `finalize` says how much of it is initialized.
        var span = unsafe OutputRawSpan(buffer: buffer, initializedCount: 0)
        do {
            try body(&span)
        } catch {
            throw .body(error)
        }
        let count = unsafe span.finalize(for: buffer)
        return unsafe [UInt8](buffer[..<count])
    }

    /// Waits for a message and lets `body` read it.
    public func receive<Result, Failure: Error>(
        until deadline: Deadline, _ body: (RawSpan) throws(Failure) -> Result
    ) async throws(ChannelBodyError<Failure>) -> Result? {
        let message: [UInt8]?
        do {
            message = try await incomingMessages.receive(until: deadline)
        } catch {
            throw .channel(error)
        }
        guard let message else { return nil }
        return try Self.read(message, body)
    }

    /// Lets `body` read a message if one is there.
    public func tryReceive<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Received<Result> {
        let found: Received<[UInt8]>
        do {
            found = try incomingMessages.tryReceive()
        } catch {
            throw .channel(error)
        }
        switch found {
        case .message(let message): return .message(try Self.read(message, body))
        case .empty: return .empty
        case .finished: return .finished
        }
    }

    private static func read<Result, Failure: Error>(
        _ message: [UInt8], _ body: (RawSpan) throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Result {
        do {
            return try unsafe body(message.span.bytes)
        } catch {
            throw .body(error)
        }
    }
}
