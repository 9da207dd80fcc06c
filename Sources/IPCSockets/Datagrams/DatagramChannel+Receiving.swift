public import IPCCore
import IPCSystem
import Synchronization

extension DatagramChannel {
    /// A message in the inbox.
    struct Taken {
        var count: Int
        var sender: NetworkAddress?
    }

    /// Waits for a message, with the address of its sender. Never nil: there is no end.
    ///
    /// - Throws: `.timedOut` or `.cancelled` when nothing was taken; `.messageTooLarge` for a message that was, and was
    ///   dropped; `.closed`.
    public func receive(until deadline: Deadline) async throws(IPCError) -> Datagram<[UInt8]>? {
        let taken = try await begin(withSender: true, until: deadline)
        defer { endReceiving() }
        return copy(taken)
    }

    /// The next message if one is there; never `.finished`.
    public func tryReceive() throws(IPCError) -> Received<Datagram<[UInt8]>> {
        guard let taken = try tryBegin(withSender: true) else { return .empty }
        defer { endReceiving() }
        return .message(copy(taken))
    }

    /// Waits for a message and lets `body` read it in place, with the address of its sender. It is consumed even when `body`
    /// throws.
    ///
    /// - Throws: ``ChannelBodyError/channel(_:)`` as ``receive(until:)``, or ``ChannelBodyError/body(_:)``.
    public func receiveDatagram<Result, Failure: Error>(
        until deadline: Deadline = .never, _ body: (RawSpan, SocketAddress) throws(Failure) -> Result
    ) async throws(ChannelBodyError<Failure>) -> Result {
        let taken: Taken
        do throws(IPCError) {
            taken = try await begin(withSender: true, until: deadline)
        } catch {
            throw .channel(error)
        }
        defer { endReceiving() }
        let sender = address(of: taken)
        return try read(taken) { (bytes: RawSpan) throws(Failure) -> Result in try body(bytes, sender) }
    }

    /// Waits for a message and lets `body` read it in place. Never nil.
    public func receive<Result, Failure: Error>(
        until deadline: Deadline, _ body: (RawSpan) throws(Failure) -> Result
    ) async throws(ChannelBodyError<Failure>) -> Result? {
        let taken: Taken
        do throws(IPCError) {
            taken = try await begin(withSender: false, until: deadline)
        } catch {
            throw .channel(error)
        }
        defer { endReceiving() }
        return try read(taken, body)
    }

    /// Lets `body` read a message in place if one is there; never `.finished`.
    public func tryReceive<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Received<Result> {
        let taken: Taken
        do throws(IPCError) {
            guard let found = try tryBegin(withSender: false) else { return .empty }
            taken = found
        } catch {
            throw .channel(error)
        }
        defer { endReceiving() }
        return .message(try read(taken, body))
    }

    /// Waits for at least one message and hands over those that are there, at most `maximumCount`. Never nil.
    ///
    /// - Throws: as ``receive(until:)``. What is wrong with a message behind the first, the next call throws.
    public func receive(
        upTo maximumCount: Int, until deadline: Deadline, into body: (RawSpan) -> Void
    ) async throws(IPCError) -> Int? {
        guard maximumCount > 0 else {
            throw IPCError(.invalidArgument, "receive: maximumCount must be positive")
        }
        var taken: Taken? = try await begin(withSender: false, until: deadline)
        defer { endReceiving() }
        var count = 0
        while let found = taken {
            withBytes(found, body)
            count += 1
            taken = nil
            guard count < maximumCount else { break }
            do throws(IPCError) {
                taken = try take(withSender: false)
            } catch {
                // It was taken from the socket by finding it: the next call throws it.
                inbox.keep(error)
            }
        }
        return count
    }

    // MARK: One message in the inbox

    /// Takes a message. When it returns, the caller holds the lock.
    private func begin(withSender: Bool, until deadline: Deadline) async throws(IPCError) -> Taken {
        if !receiveLock.tryAcquire() {
            try await receiveLock.acquire(until: deadline, "receive", engine: stream.engine)
        }
        do throws(IPCError) {
            if let taken = try take(withSender: withSender) { return taken }
            let found = try inbox.spinning.lookAgain(stream.engine) { () throws(IPCError) in
                try take(withSender: withSender)
            }
            if let found {
                if inbox.spinning.takesBreak() { await Task.yield() }
                return found
            }
            while true {
                try await stream.registration.waitReadable(until: deadline, "receive")
                if receiveLock.isClosed { throw .closed("receive") }
                // A stranger's flood, which is dropped, must not keep others from running.
                if authorization != nil { await Task.yield() }
                if let taken = try take(withSender: withSender) { return taken }
            }
        } catch {
            endReceiving()
            throw error
        }
    }

    private func tryBegin(withSender: Bool) throws(IPCError) -> Taken? {
        guard receiveLock.tryAcquire() else {
            if receiveLock.isClosed { throw .closed("receive") }
            return nil
        }
        do throws(IPCError) {
            if let taken = try take(withSender: withSender) { return taken }
        } catch {
            endReceiving()
            throw error
        }
        endReceiving()
        return nil
    }

    private func take(withSender: Bool) throws(IPCError) -> Taken? {
        let room = try unsafe inbox.roomForNext()
        // Ends: each error that the network left on the socket is taken away by the call that reports it.
        while true {
            do throws(SystemCallError) {
                let found =
                    authorization == nil
                    ? try unsafe takeOnce(into: room, withSender: withSender) : try unsafe takeAuthorized(into: room)
                guard let taken = found else { return nil }
                guard taken.count <= maximumMessageSize else { throw SystemCallError(.recvfrom, Errno.messageTooLong) }
                return taken
            } catch {
                switch error.errno {
                case _ where !isUnix && Self.concernsAnEarlierMessage(error):
                    continue  // a message that was sent before did not arrive: it may have been lost as well
                case Errno.messageTooLong:
                    throw IPCError(
                        .messageTooLarge,
                        "receive: a message of more than \(maximumMessageSize) bytes came and was dropped; raise "
                            + "maximumMessageSize if that is meant", object: address.description)
                default: throw IPCError(error, "receive", object: address.description)
                }
            }
        }
    }

    private static func concernsAnEarlierMessage(_ error: SystemCallError) -> Bool {
        [Errno.connectionRefused, Errno.hostUnreachable, Errno.networkUnreachable].contains(error.errno)
    }

    private func takeOnce(
        into room: UnsafeMutableRawBufferPointer, withSender: Bool
    ) throws(SystemCallError) -> Taken? {
        guard withSender else {
            return try unsafe NetworkCalls.receivePacket(stream.number, into: room).map { Taken(count: $0) }
        }
        return try unsafe NetworkCalls.receivePacketWithSender(stream.number, into: room)
            .map { Taken(count: $0.byteCount, sender: $0.sender) }
    }

    /// Takes the next message whose sender is authorized, and drops those before it.
    ///
    /// - Returns: nil where there is none, or so many were dropped that others should have a turn first.
    private func takeAuthorized(into room: UnsafeMutableRawBufferPointer) throws(SystemCallError) -> Taken? {
        guard let authorization else { return try unsafe takeOnce(into: room, withSender: true) }
        for _ in 0..<64 {
            guard let found = try unsafe NetworkCalls.receivePacketFromWhom(stream.number, into: room) else {
                return nil
            }
            if authorization(PeerCredentials(found.credentials), SocketAddress(found.sender, .datagrams)) {
                return Taken(count: found.byteCount, sender: found.sender)
            }
            refusals.wrappingAdd(1, ordering: .relaxed)
        }
        // More may be there, of which the poller will not tell again.
        stream.registration.readable.signal()
        return nil
    }

    private func copy(_ taken: Taken) -> Datagram<[UInt8]> {
        Datagram(payload: unsafe Array(inbox.bytes(taken.count)), address: address(of: taken))
    }

    private func address(of taken: Taken) -> SocketAddress {
        SocketAddress(taken.sender ?? .unnamed, .datagrams)
    }

    private func withBytes(_ taken: Taken, _ body: (RawSpan) -> Void) {
        // SAFETY: the kernel has written so many bytes, and the inbox is this call's until the lock is given back.
        body(unsafe RawSpan(_unsafeBytes: inbox.bytes(taken.count)))
    }

    private func read<Result, Failure: Error>(
        _ taken: Taken, _ body: (RawSpan) throws(Failure) -> Result
    ) throws(ChannelBodyError<Failure>) -> Result {
        // SAFETY: as above.
        let bytes = unsafe RawSpan(_unsafeBytes: inbox.bytes(taken.count))
        do throws(Failure) {
            return try body(bytes)
        } catch {
            throw .body(error)
        }
    }
}
