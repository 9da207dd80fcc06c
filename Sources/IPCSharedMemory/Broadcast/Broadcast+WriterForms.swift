public import IPCCore
import IPCSystem

extension Broadcast.Writer: ByteSendChannel {
    /// Sends one message. A lossy broadcast never waits; a lossless one waits for the slowest live reader.
    ///
    /// - Throws: `.timedOut`, `.cancelled`, with nothing sent; `.messageTooLarge`, `.finished`, `.closed`.
    public func send(_ message: [UInt8], until deadline: Deadline) async throws(IPCError) {
        try await unsafe send(message.span.bytes, until: deadline)
    }

    /// Sends one message if there is room for it now. What readers of a lossless broadcast have read may count as unread for
    /// a while: see ``BroadcastOptions/capacity``.
    public func trySend(_ message: [UInt8]) throws(IPCError) -> Bool { try unsafe trySend(message.span.bytes) }

    /// Sends the bytes as one message. See ``send(_:until:)-([UInt8],_)``.
    public func send(_ bytes: RawSpan, until deadline: Deadline) async throws(IPCError) {
        try checkSize(bytes.byteCount)
        if !lock.tryAcquire() { try await lock.acquire(until: deadline, "send a broadcast") }
        defer { release() }
        try checkOpen()
        if !tryAppend(bytes) { try await append(bytes, until: deadline) }
        publish()
    }

    /// Sends the bytes as one message if there is room for it now. See ``BroadcastOptions/capacity`` for
    /// when there is.
    public func trySend(_ bytes: RawSpan) throws(IPCError) -> Bool {
        try checkSize(bytes.byteCount)
        guard lock.tryAcquire() else {
            if lock.isClosed { throw .closed("send a broadcast") }
            return false
        }
        defer { release() }
        try checkOpen()
        guard tryAppend(bytes, clearsDead: true) else { return false }
        publish()
        return true
    }

    /// Lets `body` write the message, then sends it. `body` runs before there is room.
    public func send<Failure: Error>(
        byteCount: Int, until deadline: Deadline, initializingWith body: (inout OutputRawSpan) throws(Failure) -> Void
    ) async throws(ChannelBodyError<Failure>) {
        precondition(byteCount >= 0, "a message cannot have a negative size")
        do throws(IPCError) {
            if lock.isClosed { throw .closed("send a broadcast") }
            try checkSize(byteCount)
        } catch {
            throw .channel(error)
        }
        let message = try Self.message(byteCount, body)
        do {
            try await send(message, until: deadline)
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

    /// Sends `bytes` cut into messages of `messageSize` bytes each: one wake-up for as many as fit into an eighth of the
    /// ring.
    public func send(
        contentsOf bytes: RawSpan, messageSize: Int, until deadline: Deadline
    ) async throws(BatchError) {
        precondition(messageSize > 0, "messages of a batch have at least one byte")
        var sent = 0
        do throws(IPCError) {
            if !lock.tryAcquire() { try await lock.acquire(until: deadline, "send a broadcast") }
            defer { release() }
            try checkOpen()
            try checkSize(min(messageSize, bytes.byteCount))
            defer { publish() }
            while sent * messageSize < bytes.byteCount {
                let rest = bytes.extracting((sent * messageSize)...)
                let count = unsafe rest.withUnsafeBytes { unsafe tape.append($0, each: messageSize) }
                sent += count
                if tape.isLongOverdue {
                    publish()
                } else if sent * messageSize < bytes.byteCount {
                    let next = rest.extracting(droppingFirst: count * messageSize).extracting(first: messageSize)
                    if !tryAppend(next) { try await append(next, until: deadline) }
                    sent += 1
                }
            }
        } catch {
            throw BatchError(sentCount: sent, error: error)
        }
    }

    /// Sends each element as one message: one wake-up for as many as fit into an eighth of the ring.
    public func send(contentsOf messages: [[UInt8]], until deadline: Deadline) async throws(BatchError) {
        var sent = 0
        do throws(IPCError) {
            if !lock.tryAcquire() { try await lock.acquire(until: deadline, "send a broadcast") }
            defer { release() }
            try checkOpen()
            defer { publish() }
            for message in messages {
                try checkSize(message.count)
                if unsafe !tryAppend(message.span.bytes) {
                    try await unsafe append(message.span.bytes, until: deadline)
                }
                if tape.isLongOverdue { publish() }
                sent += 1
            }
        } catch {
            throw BatchError(sentCount: sent, error: error)
        }
    }

    /// Tells the readers that no more will come: they get what is left, and then nil. Never waits for them.
    public func finish(until deadline: Deadline) async throws(IPCError) {
        try await lock.acquire(until: deadline, "finish a broadcast")
        defer { release() }
        guard !isFinished else { return }
        isFinished = true
        memory.finished.storeSequential(1)
        signal()
    }

    // MARK: Under the lock

    private func checkOpen() throws(IPCError) {
        if isFinished { throw IPCError(.finished, "send a broadcast: this end has finished") }
    }

    private func checkSize(_ count: Int) throws(IPCError) {
        guard count <= memory.maximumMessageSize else {
            throw IPCError(
                .messageTooLarge,
                "send a broadcast: \(count) bytes are above \(memory.maximumMessageSize), a quarter of the ring; make it larger",
                object: memory.region.place.description)
        }
    }

    private func publish() {
        guard tape.hasUncommitted else { return }
        tape.commit()
        signal()
    }

    private func tryAppend(_ bytes: RawSpan, clearsDead: Bool = false) -> Bool {
        unsafe bytes.withUnsafeBytes { buffer in
            // SAFETY: an empty span may have no address, and then none of its bytes are read.
            let source = unsafe buffer.baseAddress ?? UnsafeRawPointer(bitPattern: 8)!
            if unsafe tape.append(source, buffer.count) { return true }
            guard tape.makeRoom(for: buffer.count, slots, clearsDead: clearsDead) else { return false }
            return unsafe tape.append(source, buffer.count)
        }
    }

    /// Appends what `tryAppend` had no room for.
    private func append(_ bytes: RawSpan, until deadline: Deadline) async throws(IPCError) {
        // The readers may be waiting for just what was appended before.
        publish()
        if let slots {
            // Not for ever: a reader could go to and fro.
            for _ in 0..<8 {
                guard spinning.spin(.shared, { !slots.isObstructed }) else { break }
                if tryAppend(bytes) { return }
            }
        }
        defer { memory.writerWaits.storeSequential(0) }
        var hasWaited = false
        while true {
            let closed = sleep.closing.value
            if lock.isClosed { throw .closed("send a broadcast") }
            let room = memory.room.loadSequential()
            // A Dekker pair with a reader that stores its cursor and then looks at this word.
            memory.writerWaits.storeSequential(1)
            if tryAppend(bytes, clearsDead: true) { return }
            try await FutexWatcher.shared.wait(
                while: WordExpectation(memory.room, is: room), and: WordExpectation(sleep.closing.view, is: closed),
                keeping: sleep, until: deadline, "wait for room in a broadcast")
            // That wait did not suspend if the word had changed already, which a reader may do all the time.
            if hasWaited { await Task.yield() }
            hasWaited = true
        }
    }
}
