import IPCCore
import IPCSystem

/// Whole messages, one and many.
extension RingSender {
    /// Sends one message. See `ByteSendChannel.send`.
    @usableFromInline
    package func send(_ bytes: RawSpan, until deadline: Deadline) async throws(IPCError) {
        try checkSize(bytes.byteCount)
        if !lock.tryAcquire() { try await lock.acquire(until: deadline, "send", engine: link.stream.engine) }
        // SAFETY: the caller's borrow of the span lasts until this returns.
        let bytes = unsafe bytes.withUnsafeBytes { unsafe $0 }
        do throws(IPCError) {
            try checkState()
            try await unsafe sendHeld(bytes, until: deadline)
        } catch {
            release()
            throw error
        }
        releaseAndWake()
    }

    /// Sends one message, with the lock held; the bell is for the caller to ring.
    func sendHeld(_ bytes: UnsafeRawBufferPointer, until deadline: Deadline) async throws(IPCError) {
        if bytes.count > wholeLimit { return try await unsafe sendFragments(bytes, until: deadline) }
        while try unsafe !put(bytes) {
            // What was put before in a batch must be known before this end waits for its consumption.
            wakeReceiver()
            try await waitForRoom(bytes: dataBytes(bytes.count), until: deadline)
        }
    }

    /// The largest message that waits until all of it has room; larger ones go in fragments, so that the receiver can
    /// begin while the sender goes on.
    var wholeLimit: Int { Int(lane.dataByteCount / 2) }

    /// Sends one message if it has room as a whole. See `ByteSendChannel.trySend`.
    @usableFromInline
    package func trySend(_ bytes: RawSpan) throws(IPCError) -> Bool {
        try checkSize(bytes.byteCount)
        guard lock.tryAcquire() else {
            if lock.isClosed { throw .closed("send") }
            return false
        }
        do throws(IPCError) {
            try checkState()
            var isSent = false
            if bytes.byteCount <= Int(lane.dataByteCount) {
                isSent = try unsafe bytes.withUnsafeBytes { bytes throws(IPCError) in
                    try unsafe put(bytes)
                }
            }
            if isSent { releaseAndWake() } else { release() }
            return isSent
        } catch {
            release()
            throw error
        }
    }

    /// Sends `bytes` cut into messages of `messageSize`. See `ByteSendChannel`.
    package func send(contentsOf bytes: RawSpan, messageSize: Int, until deadline: Deadline) async throws(BatchError) {
        // SAFETY: the caller's borrow of the span lasts until this returns.
        let bytes = unsafe bytes.withUnsafeBytes { unsafe $0 }
        guard messageSize > 0 || bytes.count == 0 else {
            throw BatchError(sentCount: 0, error: IPCError(.invalidArgument, "send: messageSize must be positive"))
        }
        try await beginBatch(until: deadline)
        var sentCount = 0
        var offset = 0
        var failure: IPCError?
        do throws(IPCError) {
            while offset < bytes.count {
                try unsafe putWhatFits(bytes, messageSize, from: &offset, counting: &sentCount)
                guard offset < bytes.count else { break }
                let size = min(messageSize, bytes.count - offset)
                let piece = unsafe UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + size])
                try await unsafe sendOfBatch(piece, until: deadline)
                offset += size
                sentCount += 1
            }
        } catch {
            failure = error
        }
        try endBatch(sentCount, failure)
    }

    /// Sends each element. See `ByteSendChannel`.
    package func send(contentsOf messages: [[UInt8]], until deadline: Deadline) async throws(BatchError) {
        try await beginBatch(until: deadline)
        var sentCount = 0
        var failure: IPCError?
        do throws(IPCError) {
            for message in messages {
                // SAFETY: `messages` keeps the array alive, and nobody changes it during the call.
                let bytes = unsafe message.withUnsafeBytes { unsafe $0 }
                try await unsafe sendOfBatch(bytes, until: deadline)
                sentCount += 1
            }
        } catch {
            failure = error
        }
        try endBatch(sentCount, failure)
    }

    /// Puts one message after the other into the ring until one has no room; the bell is not rung.
    private func putWhatFits(
        _ bytes: UnsafeRawBufferPointer, _ messageSize: Int, from offset: inout Int, counting count: inout Int
    ) throws(IPCError) {
        try checkState()
        while offset < bytes.count {
            let size = min(messageSize, bytes.count - offset)
            try checkSize(size)
            let piece = unsafe UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + size])
            guard size <= wholeLimit, try unsafe put(piece) else { return }
            offset += size
            count += 1
        }
    }

    private func beginBatch(until deadline: Deadline) async throws(BatchError) {
        do throws(IPCError) {
            if !lock.tryAcquire() { try await lock.acquire(until: deadline, "send", engine: link.stream.engine) }
        } catch {
            throw BatchError(sentCount: 0, error: error)
        }
    }

    private func sendOfBatch(_ bytes: UnsafeRawBufferPointer, until deadline: Deadline) async throws(IPCError) {
        try checkSize(bytes.count)
        try checkState()
        if bytes.count <= wholeLimit, try unsafe put(bytes) { return }
        try await unsafe sendHeld(bytes, until: deadline)
    }

    private func endBatch(_ sentCount: Int, _ failure: IPCError?) throws(BatchError) {
        if sentCount > 0 { releaseAndWake() } else { release() }
        if let failure { throw BatchError(sentCount: sentCount, error: failure) }
    }

    /// Tells the peer that no more will come. See `SendChannel.finish`.
    package func finish(until deadline: Deadline) async throws(IPCError) {
        if !lock.tryAcquire() { try await lock.acquire(until: deadline, "finish", engine: link.stream.engine) }
        do throws(IPCError) {
            if !hasFinished {
                try checkState()
                while try !hasRoom(bytes: 0) { try await waitForRoom(bytes: 0, until: deadline, "finish") }
                commit(.end, 0)
                hasFinished = true
                wakeReceiver()
            }
        } catch {
            release()
            throw error
        }
        release()
    }

    // MARK: Fragments

    /// Sends a message that is larger than what the ring takes at once. If the wait for room ends early, the receiver is
    /// told to forget what is there: for that one slot is always kept free.
    func sendFragments(_ bytes: UnsafeRawBufferPointer, until deadline: Deadline) async throws(IPCError) {
        let most = Int(lane.dataByteCount / 4)
        var sent = 0
        while sent < bytes.count {
            let count = min(most, bytes.count - sent)
            do throws(IPCError) {
                while try !hasRoom(slots: 2, bytes: RingLane.room(count)) {
                    wakeReceiver()
                    try await waitForRoom(slots: 2, bytes: RingLane.room(count), until: deadline)
                }
            } catch {
                if sent > 0, error.code == .timedOut || error.code == .cancelled {
                    commit(.abandoned, 0)
                    wakeReceiver()
                }
                throw error
            }
            unsafe lane.bytes(dataPosition, count).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: bytes[sent..<sent + count]))
            unsafe lane.inline(slotPosition).storeBytes(of: UInt64(bytes.count), as: UInt64.self)
            sent += count
            commit(sent == bytes.count ? .lastFragment : .fragment, count)
            KillPoints.pass("ring-fragment")
            wakeReceiver()
        }
    }
}
