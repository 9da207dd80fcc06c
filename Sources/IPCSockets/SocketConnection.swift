public import IPCCore
package import IPCSystem
import Synchronization

/// A connected socket, Unix or TCP, before it is decided what goes over it: messages (``channel(options:)``) or bare bytes
/// (``read(upTo:until:)``, ``write(_:until:)-([UInt8],_)``). One or the other, not both.
///
/// A connection that nobody holds any more is closed, unless it became a channel, which then owns the socket.
public final class SocketConnection: Sendable {
    /// Who is at the other end: for what ``connect(to:type:retry:until:)`` returns, the process that called listen(2); for a
    /// pair, the one that made it. Nobody is known over TCP.
    public let peer: PeerCredentials

    /// What the socket carries: a stream of bytes, or packets.
    public var type: SocketType { stream.kind == .packetSocket ? .packets : .stream }

    private enum State {
        case fresh
        case bytes(SocketChannel)
        case channel(SocketChannel)
        case closed
    }

    let stream: StreamDescriptor
    private let state = Lock(State.fresh)
    /// Whether the client has said something, where a listener watches that.
    private let handshake: StreamHandshake?

    /// Takes over both uses of `stream`.
    package init(_ stream: StreamDescriptor, peer: PeerCredentials, handshake: StreamHandshake? = nil) {
        self.stream = stream
        self.peer = peer
        self.handshake = handshake
    }

    /// Takes over a connected, non-blocking stream socket.
    package convenience init(_ socket: consuming OwnedDescriptor, _ doing: String) throws(IPCError) {
        let number = socket.number
        let kind = try mapping(doing) { () throws(SystemCallError) in try StreamDescriptor.Kind(of: number) }
        try self.init(try StreamDescriptor(socket, kind: kind, uses: 2), doing)
    }

    /// Takes over both uses of `stream`, even if it throws.
    convenience init(_ stream: StreamDescriptor, _ doing: String) throws(IPCError) {
        do throws(IPCError) {
            let peer = try mapping(doing) { () throws(SystemCallError) in
                PeerCredentials(try SocketCalls.peerCredentials(stream.number))
            }
            self.init(stream, peer: peer)
        } catch {
            stream.endUse()
            stream.endUse()
            throw error
        }
    }

    deinit {
        if case .fresh = state.withLock({ $0 }) { endBothUses() }
    }

    /// Two connections that are each other's peers. socketpair(2).
    ///
    /// - Throws: `.resourceExhausted` when no descriptor is free.
    public static func makePair(
        type: SocketType = .stream
    ) throws(IPCError) -> (SocketConnection, SocketConnection) {
        let ends = try mapping("make a pair of sockets") { () throws(SystemCallError) in
            try SocketCalls.makePair(type.kind)
        }
        let first = OwnedDescriptor(owning: ends.0)
        let second = OwnedDescriptor(owning: ends.1)
        return (
            try SocketConnection(first, "make a pair of sockets"),
            try SocketConnection(second, "make a pair of sockets")
        )
    }

    // MARK: Its ends

    /// The address at the other end: for what a Unix client made, that of the listener; `unix:(unnamed)` where there is
    /// none. getpeername(2).
    ///
    /// - Throws: `.peerClosed` when the peer is gone, `.closed`.
    public var remoteAddress: SocketAddress {
        get throws(IPCError) {
            try stream.withNumber("look at a connection") { number throws(IPCError) in
                try mapping("look at a connection") { () throws(SystemCallError) in
                    SocketAddress(try NetworkCalls.remoteAddress(number), .stream)
                }
            }
        }
    }

    /// The address at this end. getsockname(2).
    ///
    /// - Throws: `.closed`.
    public var localAddress: SocketAddress {
        get throws(IPCError) {
            try stream.withNumber("look at a connection") { number throws(IPCError) in
                try mapping("look at a connection") { () throws(SystemCallError) in
                    SocketAddress(try NetworkCalls.localAddress(number), .stream)
                }
            }
        }
    }

    // MARK: What goes over it

    /// Makes this a channel, which owns the socket from now on. Once.
    ///
    /// - Throws: `.invalidArgument` when it is a channel already, or bytes have been read or written; `.closed`.
    public func channel(options: SocketOptions = SocketOptions()) throws(IPCError) -> SocketChannel {
        try options.check()
        return try state.withLock { state throws(IPCError) in
            switch state {
            case .fresh:
                let channel = try SocketChannel(stream, peer: peer, options, handshake: handshake)
                state = .channel(channel)
                return channel
            case .bytes:
                throw IPCError(.invalidArgument, "make a channel: bytes have been read or written on this connection")
            case .channel:
                throw IPCError(.invalidArgument, "make a channel: this connection is one already; keep that one")
            case .closed:
                throw .closed("make a channel")
            }
        }
    }

    /// Bytes have no messages that could be too large.
    private static let bareBytes = SocketOptions(framing: .bytes, maximumMessageSize: .max)

    /// This connection as a channel of bare bytes, made when first asked for.
    func bytes(_ doing: String) throws(IPCError) -> SocketChannel {
        try state.withLock { state throws(IPCError) in
            switch state {
            case .fresh:
                let channel = try SocketChannel(stream, peer: peer, Self.bareBytes, handshake: handshake)
                state = .bytes(channel)
                return channel
            case .bytes(let channel):
                return channel
            case .channel:
                throw IPCError(.invalidArgument, "\(doing): this connection is a channel of messages; use that")
            case .closed:
                throw .closed(doing)
            }
        }
    }

    /// Closes the connection in both directions, and the channel that was made of it. Idempotent, never waits.
    public func close() {
        let before = state.withLock { state in
            let before = state
            state = .closed
            return before
        }
        switch before {
        case .fresh: endBothUses()
        case .bytes(let channel), .channel(let channel): channel.close()
        case .closed: break
        }
    }

    /// Waits until there is something to receive, whatever the connection carries: bytes, an end or an error. Nothing is taken.
    ///
    /// - Returns: false when there is nothing and ``endIdling()`` was called. True at once before anything was received.
    package func waitWhileIdle(until deadline: Deadline) async throws(IPCError) -> Bool {
        let channel: SocketChannel? = try state.withLock { state throws(IPCError) in
            switch state {
            case .fresh: nil
            case .bytes(let channel), .channel(let channel): channel
            case .closed: throw .closed("wait for a message")
            }
        }
        return try await channel?.receiver.waitWhileIdle(until: deadline) ?? true
    }

    /// Ends ``waitWhileIdle(until:)``, now and from now on.
    package func endIdling() { stream.endIdling() }

    /// The socket with both its uses, for another mechanism that stands on it; this connection is over. Once, before
    /// anything else.
    package func takeStream(_ doing: String) throws(IPCError) -> StreamDescriptor {
        try state.withLock { state throws(IPCError) in
            guard case .fresh = state else {
                throw IPCError(.invalidArgument, "\(doing): this connection is in use or closed")
            }
            guard stream.kind == .socket else {
                throw IPCError(.invalidArgument, "\(doing): this goes over Unix stream sockets alone")
            }
            handshake?.meet()
            state = .closed
            return stream
        }
    }

    /// A duplicate of the socket for another process; this connection is closed.
    func give() throws(IPCError) -> PassedDescriptor {
        let descriptor = try state.withLock { state throws(IPCError) in
            switch state {
            case .fresh:
                let descriptor = try PassedDescriptor(duplicating: stream.number)
                handshake?.meet()
                state = .closed
                return descriptor
            case .bytes:
                throw IPCError(.invalidArgument, "transfer: bytes have been read or written on this connection")
            case .channel:
                throw IPCError(.invalidArgument, "transfer: this connection is a channel; give that away")
            case .closed:
                throw .closed("transfer")
            }
        }
        endBothUses()
        return descriptor
    }

    private func endBothUses() {
        stream.endUse()
        stream.endUse()
    }
}
