import IPCCore

/// The forms of `receive` that do not wait, or that take several messages at once.
extension RingReceiver {
    /// See `ReceiveChannel.tryReceive`.
    package func tryReceive() throws(IPCError) -> Received<[UInt8]> {
        guard let found = try tryBegin(copiesOut: false) else { return .empty }
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
            found = try tryBegin(copiesOut: true)
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

    /// See `ByteReceiveChannel.receive(upTo:until:into:)`.
    package func receive(
        upTo maximumCount: Int, until deadline: Deadline, into body: (RawSpan) -> Void
    ) async throws(IPCError) -> Int? {
        guard maximumCount > 0 else {
            throw IPCError(.invalidArgument, "receive: maximumCount must be positive")
        }
        let found = try tryBegin(copiesOut: true, spinning: true)
        if found == nil {
            guard try await begin(until: deadline, copiesOut: true, hasSpun: true) else { return nil }
        } else if found == false {
            return nil
        }
        var count = 1
        withMessage(body)
        while count < maximumCount {
            guard next(copiesOut: true) else { return count }
            withMessage(body)
            count += 1
        }
        end()
        return count
    }
}
