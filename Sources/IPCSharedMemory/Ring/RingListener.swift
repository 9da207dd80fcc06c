public import IPCCore
public import IPCSockets
import IPCSystem

/// A place where others connect by rings: an `AsyncSequence` of channels.
///
/// ```swift
/// try await RingListener.withListener(at: .unix(name: "prices.sock")) { listener in
///     for try await channel in listener { … }
/// }
/// ```
///
/// It is a `SocketListener` whose connections become rings: who may connect, how many at once, the permissions and the
/// life of the name are the same. This side makes the memory and passes it over the socket, so a client cannot make it
/// map anything. memfd_create(2), unix(7).
public final class RingListener: Sendable, AsyncSequence {
    /// A ring to a client.
    public typealias Element = RingChannel
    /// What ends the iteration early.
    public typealias Failure = IPCError

    private let listener: SocketListener
    private let options: RingOptions

    /// Listens at `address`. Prefer ``withListener(at:options:listening:_:)``, which ends it, too.
    ///
    /// - Throws: as `SocketListener/init(at:options:)`; `.invalidArgument` for options that cannot be.
    public convenience init(
        at address: SocketAddress, options: RingOptions = RingOptions(),
        listening: SocketListenerOptions = SocketListenerOptions()
    ) throws(IPCError) {
        try options.check()
        self.init(try SocketListener(at: address, options: listening), options)
    }

    private init(_ listener: SocketListener, _ options: RingOptions) {
        self.listener = listener
        self.options = options
    }

    /// Where it listens.
    public var address: SocketAddress { listener.address }

    /// How many rings are open.
    public var connectionCount: Int { listener.connectionCount }

    /// Waits for the next client that is allowed, and makes its ring.
    ///
    /// A client that is gone again before it was served is passed over.
    ///
    /// - Returns: nil when the listener has been shut down or closed.
    /// - Throws: `.cancelled` or `.timedOut`; `.resourceExhausted` when there is no memory for a ring, and the client was
    ///   turned away.
    public func accept(until deadline: Deadline = .never) async throws(IPCError) -> RingChannel? {
        while let connection = try await listener.accept(until: deadline) {
            let parts = try RingParts.make(options)
            let stream = try connection.takeStream("accept a ring")
            do throws(IPCError) {
                return try parts.introduce(
                    over: stream, trust: options.trust ?? .untrusted, options, peer: connection.peer)
            } catch  where error.code == .peerClosed {
                IPCObservation.emit(
                    .connectionRefused(listener: address.description, peer: connection.peer, reason: error))
            }
        }
        return nil
    }

    /// Stops listening, waits for the open rings until the deadline, and ends those that are left. See
    /// `SocketListener/shutDown(until:)`.
    ///
    /// - Returns: how many rings had to be ended.
    @discardableResult
    public func shutDown(until deadline: Deadline) async -> Int { await listener.shutDown(until: deadline) }

    /// Stops listening at once and removes the name. Rings that were made live on. Idempotent, never waits.
    public func close() { listener.close() }

    /// Listens at `address` while `body` runs. See `SocketListener/withListener(at:options:_:)`.
    ///
    /// - Returns: what `body` returned.
    /// - Throws: what ``init(at:options:listening:)`` throws, an `IPCError`, or what `body` throws.
    public static func withListener<Result>(
        at address: SocketAddress, options: RingOptions = RingOptions(),
        listening: SocketListenerOptions = SocketListenerOptions(), _ body: (RingListener) async throws -> Result
    ) async throws -> Result {
        try options.check()
        return try await SocketListener.withListener(at: address, options: listening) { listener in
            try await body(RingListener(listener, options))
        }
    }

    /// One pass over the clients.
    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let listener: RingListener

        /// The next ring; nil when the listener was shut down or closed.
        public mutating func next() async throws(IPCError) -> RingChannel? { try await listener.accept() }

        /// The next ring; nil when the listener was shut down or closed.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(IPCError) -> RingChannel? {
            try await listener.accept()
        }
    }

    /// Starts a pass over the clients.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(listener: self) }
}

@available(*, unavailable)
extension RingListener.AsyncIterator: Sendable {}
