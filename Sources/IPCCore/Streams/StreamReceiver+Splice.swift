import IPCSystem

/// Moving what comes in to another descriptor inside the kernel. splice(2), tee(2).
extension StreamReceiver {
    /// Moves bytes to a sender, at most `limit`, until the end of the stream.
    package func splice(
        to sender: StreamSender, upTo limit: Int, until deadline: Deadline
    ) async throws(SpliceError) -> Int {
        do throws(IPCError) {
            try await sender.hold("splice", until: deadline)
        } catch {
            throw SpliceError(movedByteCount: 0, error: error)
        }
        defer { sender.release() }
        return try await splice(to: SpliceEnd(sender.stream), upTo: limit, until: deadline) { () throws(IPCError) in
            if sender.lock.isClosed { throw .closed("splice") }
        }
    }

    /// Moves bytes to a descriptor that stays the caller's.
    package func splice(
        to descriptor: PassedDescriptor, upTo limit: Int, until deadline: Deadline
    ) async throws(SpliceError) -> Int {
        try await SpliceEnd.with(descriptor, engine: stream.engine) { target async throws(SpliceError) in
            try await splice(to: target, upTo: limit, until: deadline) { () throws(IPCError) in }
        }
    }

    private func splice(
        to target: SpliceEnd, upTo limit: Int, until deadline: Deadline, check: @escaping () throws(IPCError) -> Void
    ) async throws(SpliceError) -> Int {
        do throws(IPCError) {
            if !lock.tryAcquire() { try await lock.acquire(until: deadline, "splice", engine: stream.engine) }
        } catch {
            throw SpliceError(movedByteCount: 0, error: error)
        }
        var move = SpliceMove(from: SpliceEnd(stream), to: target, until: deadline) { () throws(IPCError) in
            if self.lock.isClosed { throw .closed("splice") }
            try check()
        }
        do throws(IPCError) {
            try await run(&move, upTo: limit)
        } catch {
            release()
            throw SpliceError(movedByteCount: move.movedByteCount, error: error)
        }
        release()
        return move.movedByteCount
    }

    private func run(_ move: inout SpliceMove, upTo limit: Int) async throws(IPCError) {
        guard options.framing == .none, limit >= 0 else {
            throw IPCError(
                .invalidArgument, "splice: only bytes without messages can be moved; make both ends with .bytes")
        }
        switch ending {
        case .finished: return
        case .failed(let error): throw error
        // Of connections that a listener accepted alone, which are not read in this way.
        case .unbegun, nil: break
        }
        lastReadWasShort = false
        // What was read and not delivered goes first.
        let waiting = unsafe Array(buffer.bytes.prefix(limit))
        if !waiting.isEmpty {
            defer { buffer.drop(move.movedByteCount) }
            try await move.write(waiting)
        }
        if try await move.run(upTo: limit) { ending = .finished }
    }

    /// Duplicates what waits in the pipe into another pipe, without consuming it. Waits until there is something and room
    /// for it.
    ///
    /// - Returns: how many bytes were duplicated; 0 at the end of the stream.
    package func tee(to sender: StreamSender, upTo limit: Int, until deadline: Deadline) async throws(IPCError) -> Int {
        // Senders are always taken before receivers, so that no two calls wait for each other.
        try await sender.hold("tee", until: deadline)
        defer { sender.release() }
        if !lock.tryAcquire() { try await lock.acquire(until: deadline, "tee", engine: stream.engine) }
        defer { release() }
        guard options.framing == .none, limit > 0 else {
            throw IPCError(.invalidArgument, "tee: only bytes without messages can be duplicated, at least one")
        }
        guard buffer.count == 0 else {
            throw IPCError(
                .invalidArgument,
                "tee: \(buffer.count) bytes have left the pipe and wait to be received; receive them first")
        }
        return ending == nil ? try await duplicate(to: sender, upTo: limit, until: deadline) : 0
    }

    private func duplicate(
        to sender: StreamSender, upTo limit: Int, until deadline: Deadline
    ) async throws(IPCError) -> Int {
        let (source, target) = (SpliceEnd(stream), SpliceEnd(sender.stream))
        while true {
            let count = try mapping("tee") { () throws(SystemCallError) in
                try PipeCalls.tee(from: source.number, to: target.number, byteCount: limit)
            }
            if let count, count > 0 { return count }
            if count == 0 {
                switch try stream.meaningOfEmptyRead() {
                case .bytesHaveCome: continue
                case .awaitsFirstWriter: break
                case .end: return 0
                }
            }
            let isSourceReady = try source.isReady(giving: true)
            if isSourceReady, try target.isReady(giving: false) { continue }
            try await (isSourceReady ? target : source).wait(giving: !isSourceReady, until: deadline)
            if lock.isClosed || sender.lock.isClosed { throw .closed("tee") }
        }
    }
}

extension StreamSender {
    /// Takes the lock of an end without messages, so that nothing mixes with what the caller writes. `release` follows.
    func hold(_ doing: StaticString, until deadline: Deadline) async throws(IPCError) {
        if !lock.tryAcquire() { try await lock.acquire(until: deadline, doing, engine: stream.engine) }
        do throws(IPCError) {
            try checkState()
            guard options.framing == .none else {
                throw IPCError(
                    .invalidArgument, "\(doing): only bytes without messages can be moved; make both ends with .bytes")
            }
        } catch {
            release()
            throw error
        }
    }

    /// Moves bytes from a descriptor that stays the caller's, at most `limit`, until its end.
    package func splice(
        from descriptor: PassedDescriptor, upTo limit: Int, until deadline: Deadline
    ) async throws(SpliceError) -> Int {
        do throws(IPCError) {
            try await hold("splice", until: deadline)
        } catch {
            throw SpliceError(movedByteCount: 0, error: error)
        }
        defer { release() }
        return try await SpliceEnd.with(descriptor, engine: stream.engine) { source async throws(SpliceError) in
            var move = SpliceMove(from: source, to: SpliceEnd(stream), until: deadline) { () throws(IPCError) in
                if self.lock.isClosed { throw .closed("splice") }
            }
            do throws(IPCError) {
                _ = try await move.run(upTo: limit)
            } catch {
                throw SpliceError(movedByteCount: move.movedByteCount, error: error)
            }
            return move.movedByteCount
        }
    }
}
