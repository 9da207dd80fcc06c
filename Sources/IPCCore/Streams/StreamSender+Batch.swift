import IPCSystem

/// Many messages with one system call.
extension StreamSender {
    /// The messages of a batch, by index. It does not outlive the call whose borrow of the bytes it relies on.
    @safe
    private enum Batch {
        case slices(UnsafeRawBufferPointer, size: Int)
        case arrays([[UInt8]])

        var count: Int {
            switch self {
            case .slices(let bytes, let size): size > 0 ? bytes.count / size + (bytes.count % size == 0 ? 0 : 1) : 0
            case .arrays(let arrays): arrays.count
            }
        }

        func size(_ index: Int) -> Int {
            switch self {
            case .slices(let bytes, let size): min(size, bytes.count - index * size)
            case .arrays(let arrays): arrays[index].count
            }
        }

        func withBytes<Result>(_ index: Int, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
            switch self {
            case .slices(let bytes, let size):
                unsafe body(UnsafeRawBufferPointer(rebasing: bytes[index * size..<index * size + self.size(index)]))
            case .arrays(let arrays): unsafe arrays[index].withUnsafeBytes { unsafe body($0) }
            }
        }
    }

    /// Sends `bytes` cut into messages of `messageSize`. See `ByteSendChannel`.
    package func send(contentsOf bytes: RawSpan, messageSize: Int, until deadline: Deadline) async throws(BatchError) {
        // SAFETY: the caller's borrow of the span lasts until this returns; what outlives that is copied first.
        let payload = unsafe bytes.withUnsafeBytes { unsafe $0 }
        guard messageSize > 0 || payload.count == 0 else {
            throw BatchError(sentCount: 0, error: IPCError(.invalidArgument, "send: messageSize must be positive"))
        }
        try await send(unsafe .slices(payload, size: messageSize), until: deadline)
    }

    /// Sends each element. See `ByteSendChannel`.
    package func send(contentsOf messages: [[UInt8]], until deadline: Deadline) async throws(BatchError) {
        try await send(.arrays(messages), until: deadline)
    }

    private func send(_ batch: Batch, until deadline: Deadline) async throws(BatchError) {
        if stream.kind == .packetSocket { return try await sendOneByOne(batch, until: deadline) }
        var sentCount = 0
        do throws(IPCError) {
            if !lock.tryAcquire() { try await lock.acquire(until: deadline, "send", engine: stream.engine) }
        } catch {
            throw BatchError(sentCount: 0, error: error)
        }
        let buffer = unsafe BatchBuffers.shared.take()
        var handedOver = false
        var failure: IPCError?
        do throws(IPCError) {
            while sentCount < batch.count && !handedOver {
                try checkState()
                handedOver = try await unsafe sendPart(batch, &sentCount, buffer, until: deadline)
            }
        } catch {
            failure = error
        }
        unsafe BatchBuffers.shared.give(buffer)
        if !handedOver { release() }
        if let failure { throw BatchError(sentCount: sentCount, error: failure) }
        if sentCount < batch.count {
            let interruption = Task.isCancelled ? IPCError.cancelled("send") : .timedOut("send")
            throw BatchError(sentCount: sentCount, error: interruption)
        }
    }

    /// Each message is a packet of its own.
    private func sendOneByOne(_ batch: Batch, until deadline: Deadline) async throws(BatchError) {
        for index in 0..<batch.count {
            // SAFETY: the bytes are the caller's, whose borrow of the batch lasts until this returns.
            let bytes = unsafe batch.withBytes(index) { unsafe $0 }
            do throws(IPCError) {
                try await send(unsafe RawSpan(_unsafeBytes: bytes), until: deadline)
            } catch {
                throw BatchError(sentCount: index, error: error)
            }
        }
    }

    /// Lays out as many messages as fit into the buffer and writes them. Moves `sentCount` past what has left.
    ///
    /// - Returns: whether the rest of a frame was handed over, together with the lock.
    private func sendPart(
        _ batch: Batch, _ sentCount: inout Int, _ buffer: UnsafeMutableRawBufferPointer, until deadline: Deadline
    ) async throws(IPCError) -> Bool {
        let first = sentCount
        let size = batch.size(first)
        guard size <= options.maximumMessageSize else {
            throw IPCError(
                .messageTooLarge,
                "send: message \(first) of the batch has \(size) bytes and the limit is \(options.maximumMessageSize)")
        }
        guard size <= BatchBuffers.byteCount / 4, options.framing != .framesFromManyWriters else {
            return try await sendAlone(batch, &sentCount, until: deadline)
        }
        let hello = needsHello ? Hello.byteCount : 0
        let next = unsafe layOut(batch, from: first, into: buffer, hello: hello)
        if next.byteCount == 0 {
            sentCount = next.index
            return false
        }
        var written = 0
        var frameEnd = 0
        repeat {
            let part = unsafe UnsafeRawBufferPointer(rebasing: buffer[written..<next.byteCount])
            if let count = try unsafe writePart(part, isInsideFrame: written > 0 && written < frameEnd) {
                written += count
                if isUnused, written > 0 { noteFirst() }
                // A message has been sent as soon as its first byte has left.
                while sentCount < next.index && frameEnd < written {
                    frameEnd += encodedSize(batch, sentCount) + (sentCount == first ? hello : 0)
                    sentCount += 1
                }
                if written == next.byteCount {
                    sentCount = next.index
                    return false
                }
            }
            do throws(IPCError) {
                try await stream.registration.waitWritable(until: deadline, "send")
            } catch {
                guard error.code == .cancelled || error.code == .timedOut, written < frameEnd else {
                    throw torn(error, isInsideFrame: written < frameEnd)
                }
                unsafe handOver(rest: Array(buffer[written..<frameEnd]))
                return true
            }
            if lock.isClosed { throw .closed("send") }
        } while true
    }

    /// A message that is not worth copying, or that must be written in one piece.
    private func sendAlone(
        _ batch: Batch, _ sentCount: inout Int, until deadline: Deadline
    ) async throws(IPCError) -> Bool {
        // SAFETY: the bytes are the caller's, or those of an array that `batch` keeps alive.
        let payload = unsafe batch.withBytes(sentCount) { unsafe $0 }
        let frame = unsafe OutgoingFrame(payload, 0, [], framing: options.framing, needsHello: needsHello)
        var written = 0
        while written < frame.byteCount {
            if let count = try write(frame, from: written) {
                written += count
                continue
            }
            do throws(IPCError) {
                try await stream.registration.waitWritable(until: deadline, "send")
            } catch {
                guard written > 0, error.code == .cancelled || error.code == .timedOut else {
                    throw torn(error, isInsideFrame: written > 0)
                }
                sentCount += 1
                handOver(frame, from: written)
                return true
            }
            if lock.isClosed { throw .closed("send") }
        }
        sentCount += 1
        return false
    }

    private func encodedSize(_ batch: Batch, _ index: Int) -> Int {
        batch.size(index) + (options.framing == .none ? 0 : FrameHeader.byteCount)
    }

    private func layOut(
        _ batch: Batch, from first: Int, into buffer: UnsafeMutableRawBufferPointer, hello: Int
    ) -> (index: Int, byteCount: Int) {
        var index = first
        var end = hello
        if hello > 0 { unsafe Hello.write(to: buffer, at: 0) }
        let count = batch.count
        while index < count {
            let size = batch.size(index)
            let encoded = encodedSize(batch, index)
            if size > options.maximumMessageSize || end + encoded > buffer.count { break }
            if options.framing != .none {
                unsafe FrameHeader(length: size).write(to: buffer, at: end)
                end += FrameHeader.byteCount
            }
            unsafe batch.withBytes(index) { bytes in
                guard bytes.count > 0 else { return }
                unsafe (buffer.baseAddress! + end).copyMemory(from: bytes.baseAddress!, byteCount: bytes.count)
            }
            end += size
            index += 1
        }
        return (index, end)
    }
}
