import IPCSystem

/// Single reads, by whoever holds the lock.
extension StreamReceiver {
    /// One read into the buffer: nil when it would block, 0 at the end of the stream.
    func read() throws(IPCError) -> Int? {
        guard stream.kind == .packetSocket else { return try readStream() }
        // What is left of a packet would be joined with the next one.
        guard buffer.count == 0 else {
            throw IPCError(.protocolViolation, "receive: the peer sent a packet that is not a whole frame")
        }
        let count = try readStream()
        guard options.framing != .none || buffer.count <= options.maximumMessageSize else {
            throw IPCError(
                .messageTooLarge,
                "receive: the peer sent a packet of more than \(options.maximumMessageSize) bytes; raise "
                    + "maximumMessageSize on this side if that is meant")
        }
        return count
    }

    private func readStream() throws(IPCError) -> Int? {
        do throws(SystemCallError) {
            let isPacket = stream.kind == .packetSocket
            if buffer.isReleased && options.maximumDescriptors == 0 && !isPacket { return try readFirst() }
            let room = unsafe isPacket ? buffer.room(forPacketOf: packetRoom) : buffer.room(for: wantedCount)
            let count: Int?
            if options.maximumDescriptors > 0 {
                count = try unsafe readWithDescriptors(into: room)
            } else {
                count = try unsafe stream.read(into: room)
            }
            lastReadWasShort = count != nil && count! < room.count && shortReadMeansEmpty
            if let count { buffer.append(count) }
            return count
        } catch {
            // The peer closed without reading what was sent to it. What it sent has been read by now.
            // Bare bytes have no frames that would tell an end from a reset.
            if error.errno == Errno.connectionReset && options.framing != .none { return 0 }
            throw IPCError(connection: error, "receive")
        }
    }

    /// What the largest packet needs, and one byte by which a larger one is known.
    private var packetRoom: Int {
        options.maximumMessageSize + (options.framing == .none ? 0 : Hello.byteCount + FrameHeader.byteCount) + 1
    }

    /// The first read after a rest: a channel on which nothing comes takes no memory for it.
    private func readFirst() throws(SystemCallError) -> Int? {
        try unsafe withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 16) {
            bytes throws(SystemCallError) -> Int? in
            guard let count = try unsafe stream.read(into: bytes) else { return nil }
            lastReadWasShort = count < bytes.count && shortReadMeansEmpty
            if count > 0 {
                unsafe buffer.room(for: 0).copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
                buffer.append(count)
            }
            return count
        }
    }

    private func readWithDescriptors(into room: UnsafeMutableRawBufferPointer) throws(SystemCallError) -> Int? {
        guard let received = try unsafe SocketCalls.receiveMessage(stream.number, into: room) else { return nil }
        arrivedDescriptors.record(received)
        return received.byteCount
    }
}
