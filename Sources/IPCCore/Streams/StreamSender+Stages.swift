import IPCSystem

/// Messages whose sender wants to know when the last byte has left, and who waits for that.
extension StreamSender {
    /// How far a message has come.
    package enum Stage: Sendable, Equatable {
        /// Nothing has left: there is no room, or somebody else is sending.
        case waiting
        /// A part has left. Nobody else can send until ``sendMore()`` or ``sendRest()`` has sent the rest.
        case begun
        /// All of it has left.
        case sent
    }

    /// Sends as much of a message as there is room for now, and keeps a copy of what is left of one that has begun.
    ///
    /// - Throws: as `trySend`.
    package func begin(_ bytes: RawSpan) throws(IPCError) -> Stage {
        try check(bytes.byteCount)
        guard lock.tryAcquire() else {
            if lock.isClosed { throw .closed("send") }
            return .waiting
        }
        // SAFETY: the caller's borrow of the span lasts until this returns; what outlives that is copied.
        let payload = unsafe bytes.withUnsafeBytes { unsafe $0 }
        let frame = unsafe OutgoingFrame(payload, 0, [], framing: options.framing, needsHello: needsHello)
        do throws(IPCError) {
            try checkState()
            if let sent = try write(frame, from: 0) {
                guard sent == frame.byteCount else {
                    rest = frame.copy(from: sent)
                    return .begun
                }
                release()
                return .sent
            }
        } catch {
            release()
            throw error
        }
        release()
        return .waiting
    }

    /// Goes on with the message that ``begin(_:)`` has begun, without waiting. One caller at a time.
    ///
    /// - Throws: `.peerClosed` or `.closed`: the rest will never leave.
    package func sendMore() throws(IPCError) -> Stage {
        do throws(IPCError) {
            if lock.isClosed { throw .closed("send") }
            guard let sent = try writeRest(rest, from: 0) else { return .begun }
            rest.removeFirst(sent)
            guard rest.isEmpty else { return .begun }
        } catch {
            rest = []
            noteTorn(error)
            release()
            throw error
        }
        release()
        return .sent
    }

    /// The same, until all of it has left, whatever happens to the task. One caller at a time.
    package func sendRest() async throws(IPCError) {
        while try sendMore() == .begun {
            do throws(IPCError) {
                try await stream.registration.waitWritableUnconditionally("send")
            } catch {
                rest = []
                noteTorn(error)
                release()
                throw error
            }
        }
    }

    /// Sends a whole message, whatever happens to the task. Nobody else may be sending.
    package func sendUnconditionally(_ bytes: RawSpan) async throws(IPCError) {
        while true {
            switch try begin(bytes) {
            case .sent: return
            case .begun: return try await sendRest()
            case .waiting: try await stream.registration.waitWritableUnconditionally("send")
            }
        }
    }
}
