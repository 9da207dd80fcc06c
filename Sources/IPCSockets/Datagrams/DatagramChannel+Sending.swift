public import IPCCore
import IPCSystem

extension DatagramChannel {
    /// Sends a message; waits while there is no room.
    ///
    /// - Throws: `.timedOut` or `.cancelled` when nothing was sent; `.messageTooLarge`; `.invalidArgument` without an address
    ///   on a channel that is not connected, and for an address of another kind or with the name of a host;
    ///   `.connectionRefused` or `.peerClosed` when nobody receives there, as far as that is known; `.notFound`;
    ///   `.unreachable`; `.permissionDenied`, also for a broadcast that ``DatagramOptions/allowsBroadcast`` does not allow;
    ///   `.finished`; `.closed`.
    public func send(_ message: Datagram<[UInt8]>, until deadline: Deadline) async throws(IPCError) {
        try await unsafe send(message.payload.span.bytes, to: message.address, until: deadline)
    }

    /// Sends a message if there is room now; false when `send` would wait.
    public func trySend(_ message: Datagram<[UInt8]>) throws(IPCError) -> Bool {
        try unsafe trySend(message.payload.span.bytes, to: message.address)
    }

    /// Sends the bytes to `address`; nil for where the channel is connected. See ``send(_:until:)-(Datagram<[UInt8]>,_)``.
    public func send(
        _ bytes: [UInt8], to address: SocketAddress?, until deadline: Deadline = .never
    ) async throws(IPCError) {
        try await unsafe send(bytes.span.bytes, to: address, until: deadline)
    }

    /// Sends the bytes to `address` if there is room now; nil for where the channel is connected.
    public func trySend(_ bytes: [UInt8], to address: SocketAddress?) throws(IPCError) -> Bool {
        try unsafe trySend(bytes.span.bytes, to: address)
    }

    /// Sends the bytes to where the channel is connected.
    public func send(_ bytes: RawSpan, until deadline: Deadline) async throws(IPCError) {
        try await send(bytes, to: nil, until: deadline)
    }

    /// Sends the bytes to where the channel is connected if there is room now.
    public func trySend(_ bytes: RawSpan) throws(IPCError) -> Bool { try trySend(bytes, to: nil) }

    /// Sends the bytes to `address`; nil for where the channel is connected. See ``send(_:until:)-(Datagram<[UInt8]>,_)``.
    public func send(
        _ bytes: RawSpan, to address: SocketAddress?, until deadline: Deadline = .never
    ) async throws(IPCError) {
        let target = try check(bytes.byteCount, address)
        if !sendLock.tryAcquire() { try await sendLock.acquire(until: deadline, "send", engine: stream.engine) }
        do throws(IPCError) {
            try checkSending()
            if try !put(bytes, target) {
                if isUnix && target != nil {
                    try await putPatiently(bytes, target, until: deadline)
                } else {
                    repeat {
                        try await stream.registration.waitWritable(until: deadline, "send")
                        if sendLock.isClosed { throw .closed("send") }
                    } while try !put(bytes, target)
                }
            }
        } catch {
            endSending()
            throw error
        }
        endSending()
    }

    /// A Unix socket that is not connected is not told when the receiver's queue has room.
    private func putPatiently(
        _ bytes: RawSpan, _ target: NetworkAddress?, until deadline: Deadline
    ) async throws(IPCError) {
        var pace = RetryPace(first: .milliseconds(1), limit: .milliseconds(50))
        repeat {
            try await pace.pause(at: stream.registration.writable, until: deadline, "send")
            if sendLock.isClosed { throw .closed("send") }
        } while try !put(bytes, target)
    }

    /// Sends the bytes to `address` if there is room now; nil for where the channel is connected.
    public func trySend(_ bytes: RawSpan, to address: SocketAddress?) throws(IPCError) -> Bool {
        let target = try check(bytes.byteCount, address)
        guard sendLock.tryAcquire() else {
            if sendLock.isClosed { throw .closed("send") }
            return false
        }
        defer { endSending() }
        try checkSending()
        return try put(bytes, target)
    }

    /// Sends one message that `body` writes, to where the channel is connected.
    public func send<Failure: Error>(
        byteCount: Int, until deadline: Deadline, initializingWith body: (inout OutputRawSpan) throws(Failure) -> Void
    ) async throws(ChannelBodyError<Failure>) {
        try await send(byteCount: byteCount, to: nil, until: deadline, initializingWith: body)
    }

    /// Sends one message that `body` writes to `address`; nil for where the channel is connected.
    public func send<Failure: Error>(
        byteCount: Int, to address: SocketAddress?, until deadline: Deadline,
        initializingWith body: (inout OutputRawSpan) throws(Failure) -> Void
    ) async throws(ChannelBodyError<Failure>) {
        guard (0...maximumMessageSize).contains(byteCount) else {
            throw .channel(
                IPCError(
                    byteCount < 0 ? .invalidArgument : .messageTooLarge,
                    "send: the message has \(byteCount) bytes and the limit is \(maximumMessageSize)"))
        }
        var buffer = MessageBuffer(capacity: byteCount)
        do throws(Failure) {
            try buffer.append(byteCount: byteCount, initializingWith: body)
        } catch {
            throw .body(error)
        }
        do throws(IPCError) {
            try await send(buffer, address, until: deadline)
        } catch {
            throw .channel(error)
        }
    }

    // The borrow of the bytes ends with the call.
    private func send(
        _ buffer: borrowing MessageBuffer, _ address: SocketAddress?, until deadline: Deadline
    ) async throws(IPCError) {
        try await send(buffer.bytes, to: address, until: deadline)
    }

    /// Sends `bytes` cut into messages of `messageSize` bytes each, one by one, to where the channel is connected.
    public func send(contentsOf bytes: RawSpan, messageSize: Int, until deadline: Deadline) async throws(BatchError) {
        try await send(contentsOf: bytes, messageSize: messageSize, to: nil, until: deadline)
    }

    /// Sends `bytes` cut into messages, one by one, to `address`; nil for where the channel is connected.
    public func send(
        contentsOf bytes: RawSpan, messageSize: Int, to address: SocketAddress?, until deadline: Deadline
    ) async throws(BatchError) {
        guard messageSize > 0 || bytes.byteCount == 0 else {
            throw BatchError(sentCount: 0, error: IPCError(.invalidArgument, "send: messageSize must be positive"))
        }
        var sentCount = 0
        var offset = 0
        while offset < bytes.byteCount {
            let end = offset + min(messageSize, bytes.byteCount - offset)
            do throws(IPCError) {
                try await send(bytes.extracting(offset..<end), to: address, until: deadline)
            } catch {
                throw BatchError(sentCount: sentCount, error: error)
            }
            sentCount += 1
            offset = end
        }
    }

    /// Sends each message, one by one.
    ///
    /// - Throws: ``BatchError`` with the number of messages that were sent.
    public func send(contentsOf messages: [Datagram<[UInt8]>], until deadline: Deadline = .never)
        async throws(BatchError)
    {
        for (index, message) in messages.enumerated() {
            do throws(IPCError) {
                try await send(message, until: deadline)
            } catch {
                throw BatchError(sentCount: index, error: error)
            }
        }
    }

    // MARK: One packet

    private func put(_ bytes: RawSpan, _ target: NetworkAddress?) throws(IPCError) -> Bool {
        do throws(SystemCallError) {
            return try unsafe bytes.withUnsafeBytes { body throws(SystemCallError) in
                try unsafe NetworkCalls.sendPacket(
                    stream.number, UnsafeRawBufferPointer(start: nil, count: 0), body, to: target)
            }
        } catch {
            throw IPCError(error, "send", object: target.map { "\(SocketAddress($0, .datagrams))" })
        }
    }

    private func check(_ byteCount: Int, _ address: SocketAddress?) throws(IPCError) -> NetworkAddress? {
        guard byteCount <= maximumMessageSize else {
            throw IPCError(
                .messageTooLarge,
                "send: the message has \(byteCount) bytes and the limit is \(maximumMessageSize); send it in parts, or take "
                    + "a connection", object: address?.description)
        }
        guard let address else {
            if connectedAddress == nil {
                throw IPCError(
                    .invalidArgument, "send: this channel is not connected; say to whom the message goes")
            }
            return nil
        }
        try address.checkDatagram("send")
        guard address.isUnix == isUnix else {
            throw IPCError(
                .invalidArgument, "send: this channel is of another kind than the address", object: "\(address)")
        }
        return try address.inNumbers("send")
    }
}
