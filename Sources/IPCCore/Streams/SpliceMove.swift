import IPCSystem

/// Bytes on their way from one descriptor to another inside the kernel, a piece at a time.
struct SpliceMove {
    /// How much one call is asked to move.
    private static let pieceSize = 1 << 20
    /// Pieces between looks at who else wants to run.
    private static let patience = 16
    /// The longest sleep without a look at whether an end was closed meanwhile, in milliseconds.
    private static let slice = Duration.milliseconds(100)

    let source: SpliceEnd
    let target: SpliceEnd
    let deadline: Deadline
    /// Throws `.closed` when an end was closed meanwhile.
    let check: () throws(IPCError) -> Void
    private(set) var movedByteCount = 0

    init(
        from source: SpliceEnd, to target: SpliceEnd, until deadline: Deadline,
        check: @escaping () throws(IPCError) -> Void
    ) {
        self.source = source
        self.target = target
        self.deadline = deadline
        self.check = check
    }

    /// Moves what the source gives until its end, or until `limit` bytes have been moved in all.
    ///
    /// - Returns: whether the source came to its end.
    mutating func run(upTo limit: Int) async throws(IPCError) -> Bool {
        var pieces = 0
        while movedByteCount < limit {
            if let count = try await movePiece(min(Self.pieceSize, limit - movedByteCount)) {
                if count == 0 {
                    switch try source.stream?.meaningOfEmptyRead() ?? .end {
                    case .bytesHaveCome: try check()
                    case .awaitsFirstWriter: try await wait(giving: true, until: deadline)
                    case .end: return true
                    }
                    continue
                }
                movedByteCount += count
                pieces += 1
                if movedByteCount < limit { try await pause(pieces) }
            } else {
                try await waitForWhoeverIsNotReady()
            }
        }
        return false
    }

    /// Writes bytes that were read from the source already.
    mutating func write(_ bytes: [UInt8]) async throws(IPCError) {
        var written = 0
        while written < bytes.count {
            let number = target.number
            let rest = bytes[written...]
            let call: @Sendable () -> Result<Int?, IPCError> = {
                do throws(SystemCallError) {
                    return .success(
                        try unsafe rest.span.bytes.withUnsafeBytes { piece throws(SystemCallError) in
                            try unsafe DescriptorCalls.write(number, piece)
                        })
                } catch {
                    return .failure(IPCError(error, "splice"))
                }
            }
            if let count = try await perform(target.isFile, call) {
                written += count
                movedByteCount += count
            } else {
                try await wait(giving: false, until: deadline)
            }
        }
    }

    private func movePiece(_ byteCount: Int) async throws(IPCError) -> Int? {
        let (from, to) = (source.number, target.number)
        return try await perform(source.isFile || target.isFile) {
            do throws(SystemCallError) {
                return .success(try PipeCalls.splice(from: from, to: to, byteCount: byteCount))
            } catch  where error.errno == Errno.invalid {
                return .failure(
                    IPCError(
                        .unsupported,
                        "splice: the kernel cannot move bytes between these two (a file opened for appending, or a file "
                            + "system without splice); receive and send them instead",
                        object: nil, systemCall: error.call.rawValue, errno: error.errno))
            } catch {
                return .failure(IPCError(error, "splice"))
            }
        }
    }

    private func perform(
        _ mayWaitForDisk: Bool, _ call: @escaping @Sendable () -> Result<Int?, IPCError>
    ) async throws(IPCError) -> Int? {
        mayWaitForDisk ? try await FileThread.shared.run("splice", call) : try call().get()
    }

    /// After a piece: gives way to others now and then, and gives up when it is time.
    private func pause(_ pieces: Int) async throws(IPCError) {
        try check()
        if Task.isCancelled { throw .cancelled("splice") }
        if deadline.hasPassed { throw .timedOut("splice") }
        if pieces % Self.patience == 0 { await Task.yield() }
    }

    /// The call does not say which side it would have had to wait for.
    private func waitForWhoeverIsNotReady() async throws(IPCError) {
        if try !source.isReady(giving: true) {
            try await wait(giving: true, until: deadline)
        } else if try !target.isReady(giving: false) {
            try await wait(giving: false, until: deadline)
        } else {
            // Ready by now, or ready for less than the call needs: look again a little later.
            try await wait(giving: false, until: min(deadline, .after(.milliseconds(1))))
        }
    }

    /// Waits for a side. Returns early now and then, so that the caller looks whether an end was closed.
    private func wait(giving: Bool, until limit: Deadline) async throws(IPCError) {
        do throws(IPCError) {
            try await (giving ? source : target).wait(giving: giving, until: min(limit, .after(Self.slice)))
        } catch {
            guard error.code == .timedOut, !deadline.hasPassed else { throw error }
        }
        try check()
    }
}
