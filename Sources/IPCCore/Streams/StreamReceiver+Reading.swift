import IPCSystem

/// Single reads, by whoever holds the lock.
extension StreamReceiver {
    /// One read into the buffer: nil when it would block, 0 at the end of the stream.
    func read() throws(IPCError) -> Int? {
        do throws(SystemCallError) {
            if buffer.isReleased && options.maximumDescriptors == 0 { return try readFirst() }
            let room = unsafe buffer.room(for: wantedCount)
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
            throw IPCError(error, "receive")
        }
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
