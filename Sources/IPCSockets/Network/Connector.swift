public import IPCCore
import IPCSystem

/// A client's connection that is made again when it breaks, and says what may have been lost.
///
/// ```swift
/// let connector = Connector(to: try .tcp(host: "shop.example", port: 4711))
/// let number = try await connector.send(Array("order 17".utf8))
/// while let next = try await connector.receive() {
///     switch next {
///     case .message(let answer): connector.confirm(through: number)
///     case .interruption(let gap): for number in gap.uncertain { /* was it handled? ask, or send it again */ }
///     }
/// }
/// ```
///
/// - **What is known.** That `send` returned says that the kernel took the message, not that the peer got it. So every
///   message has a number, and an interruption names those that were sent over the broken connection and not confirmed
///   (``confirm(through:)``): they may have been handled, or not. A message whose `send` was still under way is not among
///   them: nobody has got it, and it goes over the next connection.
/// - **Messages from the peer** that were on their way are lost with the connection, too. Only the peer knows of them.
/// - **Reconnecting** happens in whoever sends or receives next, at growing intervals (``ConnectRetry``), until its deadline.
/// - **The peer's finish** is no interruption: `receive` returns nil, for good.
public final class Connector: Sendable {
    /// A connection that broke.
    public struct Interruption: Sendable {
        /// How it broke.
        public let error: IPCError
        /// The numbers of the messages that were sent over it and not confirmed.
        public let uncertain: Range<UInt64>
    }

    /// What `receive` brings.
    public enum Event: Sendable {
        /// A message of the peer.
        case message([UInt8])
        /// The connection broke. The next call makes another one.
        case interruption(Interruption)
    }

    private struct State {
        var channel: SocketChannel?
        var nextNumber: UInt64 = 0
        /// The first message of this connection that is not confirmed.
        var firstUncertain: UInt64 = 0
        var interruptions: [Interruption] = []
        var isClosed = false
        var hasFinished = false
    }

    /// Where the peer listens.
    public let address: SocketAddress
    private let options: SocketOptions
    private let retry: ConnectRetry
    private let state = Lock(State())
    private let connecting = TaskLock()
    private let sending = TaskLock()

    /// A connector to `address`. The first connection is made when it is first needed.
    public init(
        to address: SocketAddress, options: SocketOptions = SocketOptions(), retry: ConnectRetry = .untilDeadline
    ) {
        self.address = address
        self.options = options
        self.retry = retry
    }

    deinit { close() }

    /// Whether there is a connection at the moment, as far as is known here.
    public var isConnected: Bool { state.withLock { $0.channel != nil } }

    /// Makes the connection if there is none: for a program that wants to know at its start.
    ///
    /// - Throws: `.timedOut`, `.cancelled`, `.closed`; what cannot pass by itself, such as `.permissionDenied`.
    public func connect(until deadline: Deadline = .never) async throws(IPCError) {
        _ = try await channel(until: deadline)
    }

    /// Sends a message, over a new connection if the last one broke.
    ///
    /// - Returns: the number of the message: 0, 1, 2 and so on.
    /// - Throws: `.timedOut` or `.cancelled` when it was not sent; `.messageTooLarge`, `.finished`, `.closed`; what cannot
    ///   pass by itself.
    @discardableResult
    public func send(_ message: [UInt8], until deadline: Deadline = .never) async throws(IPCError) -> UInt64 {
        try await sending.acquire(until: deadline, "send")
        defer { _ = sending.release() }
        while true {
            let channel = try await channel(until: deadline)
            do throws(IPCError) {
                try await channel.send(message, until: deadline)
                return state.withLock { state in
                    defer { state.nextNumber += 1 }
                    // The connection may have broken meanwhile, and been reported without this one.
                    if state.channel !== channel {
                        state.interruptions.append(
                            Interruption(
                                error: IPCError(.peerClosed, "send: the connection broke behind this message"),
                                uncertain: state.nextNumber..<state.nextNumber + 1))
                        state.firstUncertain = max(state.firstUncertain, state.nextNumber + 1)
                    }
                    return state.nextNumber
                }
            } catch {
                guard note(error, on: channel) else { throw error }
            }
        }
    }

    /// Says that the peer has handled all messages up to this one, as the program knows by an answer.
    public func confirm(through number: UInt64) {
        state.withLock { state in
            let end = number < state.nextNumber ? number + 1 : state.nextNumber
            state.firstUncertain = max(state.firstUncertain, end)
        }
    }

    /// Waits for a message, or for news of an interruption, making a connection if there is none.
    ///
    /// - Returns: nil when the peer has finished.
    /// - Throws: `.timedOut` or `.cancelled` when nothing was consumed; `.closed`; what cannot pass by itself.
    public func receive(until deadline: Deadline = .never) async throws(IPCError) -> Event? {
        while true {
            if let gap = state.withLock({ $0.interruptions.isEmpty ? nil : $0.interruptions.removeFirst() }) {
                return .interruption(gap)
            }
            if state.withLock({ $0.hasFinished }) { return nil }
            let channel = try await channel(until: deadline)
            do throws(IPCError) {
                if let message = try await channel.receive(until: deadline) { return .message(message) }
                state.withLock { $0.hasFinished = true }
            } catch {
                guard note(error, on: channel) else { throw error }
            }
        }
    }

    /// Says that no more will be sent. See ``SocketChannel/finish(until:)``.
    ///
    /// - Throws: `.timedOut`, `.cancelled`, `.closed`.
    public func finish(until deadline: Deadline = .never) async throws(IPCError) {
        try await channel(until: deadline).finish(until: deadline)
    }

    /// Closes the connection, and makes no other. Idempotent, never waits; whoever waits gets `.closed`.
    public func close() {
        let channel = state.withLock { state in
            state.isClosed = true
            return state.channel.take()
        }
        channel?.close()
        _ = connecting.close()
        _ = sending.close()
    }

    private func channel(until deadline: Deadline) async throws(IPCError) -> SocketChannel {
        if let channel = try current() { return channel }
        try await connecting.acquire(until: deadline, "connect")
        defer { _ = connecting.release() }
        if let channel = try current() { return channel }
        let made = try await SocketChannel.connect(to: address, options: options, retry: retry, until: deadline)
        let isClosed = state.withLock { state in
            if !state.isClosed { state.channel = made }
            return state.isClosed
        }
        if isClosed {
            made.close()
            throw .closed("connect")
        }
        return made
    }

    private func current() throws(IPCError) -> SocketChannel? {
        try state.withLock { state throws(IPCError) in
            if state.isClosed { throw .closed("use a connector") }
            return state.channel
        }
    }

    /// Remembers that a connection broke, once, and lets go of it.
    ///
    /// - Returns: whether `error` says so, and another connection may do better.
    private func note(_ error: IPCError, on channel: SocketChannel) -> Bool {
        let broke: [IPCError.Code] = [.peerClosed, .truncated]
        guard broke.contains(error.code) || isOver(channel, error) else { return false }
        let isFirst = state.withLock { state in
            guard state.channel === channel else { return false }
            state.channel = nil
            state.interruptions.append(
                Interruption(
                    error: error, uncertain: state.firstUncertain..<max(state.firstUncertain, state.nextNumber)))
            state.firstUncertain = max(state.firstUncertain, state.nextNumber)
            return true
        }
        if isFirst { channel.close() }
        return !state.withLock { $0.isClosed }
    }

    /// Whether `.closed` means that another task has let go of this connection, not that the connector was closed.
    private func isOver(_ channel: SocketChannel, _ error: IPCError) -> Bool {
        error.code == .closed && state.withLock { !$0.isClosed && $0.channel !== channel }
    }
}
