import IPCSystem

/// The sending end of a byte stream: writes messages as frames (`StreamFraming`), each whole or not at all.
///
/// One task at a time is the sender; others queue behind the lock, first come first served. Once the first byte of a
/// frame has left, the frame is committed: if the sender may not wait any longer, it hands the rest and the lock over to
/// a task of its own, and returns.
package final class StreamSender: @unchecked Sendable {
    package let stream: StreamDescriptor
    package let options: StreamOptions
    let lock = TaskLock()

    // Protected by the lock.
    var needsHello: Bool
    /// Nothing has been sent yet.
    var isUnused: Bool
    private let handshake: StreamHandshake?
    /// What is left of a message that was begun in stages.
    var rest: [UInt8] = []
    private var hasFinished = false
    private var failure: IPCError?
    private var hasEndedUse = false
    /// The stream has just broken, and the observer does not know yet.
    private var isBreakUnreported = false

    package init(_ stream: StreamDescriptor, _ options: StreamOptions, handshake: StreamHandshake? = nil) {
        self.stream = stream
        self.options = options
        self.handshake = handshake
        needsHello = options.framing != .none
        isUnused = true
    }

    deinit { close() }

    // MARK: Sending

    /// Sends one message. See `ByteSendChannel.send`.
    package func send(
        _ bytes: RawSpan, typeTag: UInt32 = 0, descriptors: [Int32] = [], until deadline: Deadline
    ) async throws(IPCError) {
        try check(bytes.byteCount)
        if !lock.tryAcquire() { try await lock.acquire(until: deadline, "send", engine: stream.engine) }
        // SAFETY: the caller's borrow of the span lasts until this returns; what outlives that is copied first.
        let payload = unsafe bytes.withUnsafeBytes { unsafe $0 }
        let frame = unsafe OutgoingFrame(
            payload, typeTag, descriptors, framing: options.framing, needsHello: needsHello)
        do throws(IPCError) {
            try checkState()
            var sent = try write(frame, from: 0) ?? 0
            while sent < frame.byteCount {
                do throws(IPCError) {
                    try await stream.registration.waitWritable(until: deadline, "send")
                } catch {
                    guard sent > 0, error.code == .cancelled || error.code == .timedOut else {
                        throw torn(error, isInsideFrame: sent > 0)
                    }
                    return handOver(frame, from: sent)
                }
                if lock.isClosed { throw .closed("send") }
                sent += try write(frame, from: sent) ?? 0
            }
        } catch {
            release()
            throw error
        }
        release()
    }

    /// Sends one message if that can begin now. See `ByteSendChannel.trySend`.
    package func trySend(
        _ bytes: RawSpan, typeTag: UInt32 = 0, descriptors: [Int32] = []
    ) throws(IPCError) -> Bool {
        try check(bytes.byteCount)
        guard lock.tryAcquire() else {
            if lock.isClosed { throw .closed("send") }
            return false
        }
        // SAFETY: as in `send`.
        let payload = unsafe bytes.withUnsafeBytes { unsafe $0 }
        let frame = unsafe OutgoingFrame(
            payload, typeTag, descriptors, framing: options.framing, needsHello: needsHello)
        do throws(IPCError) {
            try checkState()
            let sent = try write(frame, from: 0)
            if let sent, sent < frame.byteCount {
                handOver(frame, from: sent)
                return true
            }
            release()
            return sent != nil
        } catch {
            release()
            throw error
        }
    }

    /// Tells the peer that no more will come. See `SendChannel.finish`.
    package func finish(until deadline: Deadline) async throws(IPCError) {
        if !lock.tryAcquire() { try await lock.acquire(until: deadline, "finish", engine: stream.engine) }
        do throws(IPCError) {
            if !hasFinished { try await writeEnd(until: deadline) }
        } catch {
            release()
            throw error
        }
        release()
    }

    private func writeEnd(until deadline: Deadline) async throws(IPCError) {
        if let failure { throw failure }
        if options.framing != .none {
            let frame = OutgoingFrame(endWithHello: needsHello)
            var sent = try write(frame, from: 0) ?? 0
            while sent < frame.byteCount {
                if sent == 0 {
                    try await stream.registration.waitWritable(until: deadline, "finish")
                } else {
                    // A few bytes of an end that has begun: they go out, as the rest of every frame does.
                    do throws(IPCError) {
                        try await stream.registration.waitWritableUnconditionally("finish")
                    } catch {
                        throw torn(error, isInsideFrame: true)
                    }
                }
                if lock.isClosed { throw .closed("finish") }
                sent += try write(frame, from: sent) ?? 0
            }
        }
        hasFinished = true
        stream.shutdown(reading: false, writing: true)
        if stream.kind == .pipe { endUse() }
    }

    // MARK: Under the lock

    func check(_ byteCount: Int) throws(IPCError) {
        guard byteCount <= options.maximumMessageSize else {
            throw IPCError(
                .messageTooLarge,
                "send: the message has \(byteCount) bytes and the limit is \(options.maximumMessageSize); raise "
                    + "maximumMessageSize on both sides, or send it in parts")
        }
        guard byteCount > 0 || stream.kind != .packetSocket || options.framing != .none else {
            throw IPCError(.invalidArgument, "send: to the peer an empty packet without a frame is the end")
        }
    }

    func checkState() throws(IPCError) {
        if let failure { throw failure }
        if hasFinished { throw IPCError(.finished, "send: this end has finished; open another channel to send more") }
    }

    /// One write of what is left of a frame: nil when there is no room.
    func write(_ frame: borrowing OutgoingFrame, from offset: Int) throws(IPCError) -> Int? {
        do throws(SystemCallError) {
            let count = try frame.write(to: stream, from: offset)
            if isUnused, count != nil { noteFirst() }
            return count
        } catch {
            throw fail(error, isInsideFrame: offset > 0)
        }
    }

    /// The first bytes have left: the hello with them, and whoever is spoken to first may listen as long as he likes.
    func noteFirst() {
        isUnused = false
        needsHello = false
        handshake?.meet()
    }

    /// The rest of a frame that has begun goes out without the caller, who is done. The lock stays held until then.
    func handOver(_ frame: borrowing OutgoingFrame, from offset: Int) {
        handOver(rest: frame.copy(from: offset))
    }

    func handOver(rest: [UInt8]) {
        Task.detached(executorPreference: stream.engine.executor) { await self.flush(rest) }
    }

    private func flush(_ rest: [UInt8]) async {
        var sent = 0
        do throws(IPCError) {
            while sent < rest.count && !lock.isClosed {
                try await stream.registration.waitWritableUnconditionally("send")
                if lock.isClosed { break }
                sent += try writeRest(rest, from: sent) ?? 0
            }
        } catch {
            failure = error
        }
        release()
    }

    func writeRest(_ rest: [UInt8], from offset: Int) throws(IPCError) -> Int? {
        try unsafe rest.span.bytes.withUnsafeBytes { bytes throws(IPCError) in
            try unsafe writePart(UnsafeRawBufferPointer(rebasing: bytes[offset...]), isInsideFrame: true)
        }
    }

    /// One write of bytes that are laid out already: nil when there is no room.
    func writePart(_ bytes: UnsafeRawBufferPointer, isInsideFrame: Bool) throws(IPCError) -> Int? {
        do throws(SystemCallError) {
            return try unsafe stream.write(bytes)
        } catch {
            throw fail(error, isInsideFrame: isInsideFrame)
        }
    }

    /// A wait that failed inside a frame: nobody can go on behind a part of one.
    func torn(_ error: IPCError, isInsideFrame: Bool) -> IPCError {
        if isInsideFrame { failure = error }
        return error
    }

    /// The same without an answer.
    func noteTorn(_ error: IPCError) { _ = torn(error, isInsideFrame: true) }

    /// A stream that was torn inside a frame stays torn.
    private func fail(_ error: SystemCallError, isInsideFrame: Bool) -> IPCError {
        let error = IPCError(connection: error, "send")
        if isInsideFrame || error.code == .peerClosed {
            failure = error
            isBreakUnreported = true
        }
        return error
    }

    // MARK: Closing

    func release() {
        guard isBreakUnreported, let failure else {
            if lock.release() { endUse() }
            return
        }
        isBreakUnreported = false
        if lock.release() { endUse() }
        stream.report(failure)
    }

    /// Closes this end. See `ChannelEnd.close`.
    package func close() {
        if lock.close() { endUse() } else { stream.registration.writable.signal() }
    }

    private func endUse() {
        guard !hasEndedUse else { return }
        hasEndedUse = true
        stream.endUse()
    }
}
