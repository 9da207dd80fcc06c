import IPCSockets
import IPCSystem

// What goes to the pool.
extension WorkerService {
    func answer(_ id: UInt64, _ failure: CallFailure) async throws(IPCError) {
        var frame: [UInt8] = []
        CallWire.appendFailure(id: id, failure, to: &frame)
        try await answer(.failure, id, unsafe frame.span.bytes.extracting(CallWire.headerSize..<frame.count))
    }

    func answer(_ kind: CallKind, _ id: UInt64, _ body: RawSpan) async throws(IPCError) {
        while !note(kind, id, body) {
            try await flush()
            if CallWire.headerSize + body.byteCount > JournalLayout.halfSize {
                // Too large for the journal. The task counts as running until the answer has left.
                var frame: [UInt8] = []
                frame.reserveCapacity(CallWire.headerSize + body.byteCount)
                CallWire.appendHeader(kind, id: id, bodySize: body.byteCount, to: &frame)
                unsafe body.withUnsafeBytes { unsafe frame.append(contentsOf: $0) }
                return try await sendAlone(frame)
            }
        }
    }

    /// An output that is large, or has descriptors: the parcel first, then the answer, which leaves at once so that the
    /// pool takes the parcel before there are many.
    func answerWithParcel(
        _ id: UInt64, _ output: RawSpan, _ descriptors: [PassedDescriptor]
    ) async throws(IPCError) {
        var bytes = TaskBytes([])
        do throws(IPCError) {
            if output.byteCount >= briefing.sharedValueSize { bytes = TaskBytes(try values.file(output)) }
            bytes.descriptors = descriptors
            try await send(Parcel(id: id, bytes))
        } catch {
            guard error.code == .resourceExhausted || error.code == .invalidArgument else { throw error }
            return try await answer(id, CallFailure(error))
        }
        if bytes.file == nil {
            try await answer(.replyWithParcel, id, output)
        } else {
            try await answer(.replyWithParcel, id, RawSpan())
        }
        try await flush()
    }

    /// An item of a stream, which leaves at once.
    func answerItem(_ id: UInt64, _ body: RawSpan) async throws(IPCError) {
        let limit = channel.guarantees.maximumMessageSize - CallWire.headerSize
        guard body.byteCount <= limit else {
            throw IPCError(
                .messageTooLarge, "emit: the element has \(body.byteCount) bytes; at most \(limit) are possible")
        }
        try await answer(.item, id, body)
        try await flush()
    }

    /// Puts an answer into the journal, if it has room.
    func note(_ kind: CallKind, _ id: UInt64, _ body: RawSpan) -> Bool {
        let now = MonotonicClock.nanoseconds
        return desk.withLock { desk in
            guard let place = desk.reserve(CallWire.headerSize + body.byteCount, at: now) else { return false }
            journal.append(kind, id: id, body, toHalf: place.half, at: place.offset)
            return true
        }
    }

    func beginSending() -> WorkerDesk.Sending {
        desk.withLock { desk in
            let sending = desk.beginSending()
            // Nothing is appended to the other half before this is noted.
            if case .send(let half, _) = sending { journal.noteOlder(half: half) }
            return sending
        }
    }

    func flush() async throws(IPCError) {
        let journal = journal
        while true {
            switch beginSending() {
            case .nothing:
                return
            case .busy:
                await Sleeper.sleep { sleeper in
                    if !desk.withLock({ $0.sleepWhileSending(sleeper) }) { sleeper.wake() }
                }
            case .send(let half, let count):
                do throws(IPCError) {
                    try await channel.sender.sendUnconditionally(journal.bytes(ofHalf: half, count: count))
                } catch {
                    didSend(half, .waiting)
                    throw error
                }
                didSend(half, .sent)
            case .goOn(let half):
                do throws(IPCError) {
                    try await channel.sender.sendRest()
                } catch {
                    didSend(half, .waiting)
                    throw error
                }
                didSend(half, .sent)
            }
        }
    }

    /// A half is empty when its last byte has left, and not before: the pool learns from it what was done if this process
    /// dies with the rest.
    func didSend(_ half: Int, _ stage: StreamSender.Stage) {
        desk.withLock { desk in
            if stage == .sent { journal.clear(half: half) }
            return desk.endSending(sent: stage == .sent, hasBegun: stage == .begun)
        }?.wake()
    }

    /// Sends a frame that is not in the journal, to its last byte.
    private func sendAlone(_ frame: [UInt8]) async throws(IPCError) {
        while !desk.withLock({ $0.beginSendingAlone() }) { try await flush() }
        do throws(IPCError) {
            try await channel.sender.sendUnconditionally(unsafe frame.span.bytes)
        } catch {
            desk.withLock { $0.endSending(sent: false) }?.wake()
            throw error
        }
        desk.withLock { $0.endSending(sent: false) }?.wake()
    }

    /// Sends a parcel, whatever happens to the task: that it was cancelled is no reason to end the worker.
    private func send(_ parcel: Parcel) async throws(IPCError) {
        let channel = parcelChannel
        let outcome = await Task(executorPreference: IPCExecutor.shared) { () -> Result<Void, IPCError> in
            do throws(IPCError) {
                return .success(try await parcel.send(through: channel))
            } catch {
                return .failure(error)
            }
        }.value
        try outcome.get()
    }
}
