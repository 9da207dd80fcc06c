/// The forms of `receive` that do not wait, or that take several messages at once.
extension StreamReceiver {
    /// See `ReceiveChannel.tryReceive`.
    package func tryReceive() throws(IPCError) -> Received<[UInt8]> {
        guard let found = try tryBegin() else { return .empty }
        guard found else { return .finished }
        defer { end() }
        return .message(messageCopy)
    }

    /// See `ByteReceiveChannel.tryReceive`.
    package func tryReceive<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Received<Result> {
        let found: Bool?
        do throws(IPCError) {
            found = try tryBegin()
        } catch {
            throw .channel(error)
        }
        guard let found else { return .empty }
        guard found else { return .finished }
        defer { end() }
        do throws(Failure) {
            return .message(try withMessage(body))
        } catch {
            throw .body(error)
        }
    }

    /// Consumes the first `byteCount` bytes of bare bytes, and lets the next receiver go on with those behind.
    package func end(after byteCount: Int) {
        messageCount = min(messageCount, byteCount)
        end()
    }

    /// See `ByteReceiveChannel.receive(upTo:until:into:)`.
    package func receive(
        upTo maximumCount: Int, until deadline: Deadline, into body: (RawSpan) -> Void
    ) async throws(IPCError) -> Int? {
        guard maximumCount > 0 else {
            throw IPCError(.invalidArgument, "receive: maximumCount must be positive")
        }
        guard try await begin(until: deadline) else { return nil }
        var count = 1
        withMessage(body)
        while count < maximumCount {
            guard nextWithinBuffer() else { return count }
            withMessage(body)
            count += 1
        }
        end()
        return count
    }
}

extension ChannelGuarantees {
    /// What an end of a byte stream promises with a framing.
    package init(direction: Direction, framing: StreamFraming, maximumMessageSize: Int) {
        self.init(
            direction: direction,
            preservesBoundaries: framing != .none,
            tellsFinishFromDeath: framing != .none,
            maximumMessageSize: maximumMessageSize)
    }
}
