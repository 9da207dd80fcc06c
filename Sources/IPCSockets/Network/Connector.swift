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
/// - **Reconnecting** happens in whoever sends, receives or finishes next, at growing intervals (``ConnectRetry``), until its
///   deadline. A peer that breaks the protocol is an interruption as well, with the error that says so.
/// - **The peer's finish** is no interruption: `receive` returns nil, for good.
/// - **This side's finish** is for good, too: each later connection is told of it as soon as it is made.
public final class Connector: Sendable {
    /// A connection that broke.
    public struct Interruption: Sendable {
        /// How it broke.
        public let error: IPCError
        /// The numbers of the messages that were sent over it and not confirmed.
        ///
        /// A program that never asks for its interruptions has the latest of them joined into one, which then spans those
        /// messages between its first and its last that were confirmed, too.
        public let uncertain: Range<UInt64>
    }

    /// How many interruptions are kept apart for a program that does not ask for them.
    static let maximumInterruptions = 64

    /// What `receive` brings.
    public enum Event: Sendable {
        /// A message of the peer.
        case message([UInt8])
        /// The connection broke. The next call makes another one.
        case interruption(Interruption)
    }

    typealias Dialling = Task<Result<SocketChannel, IPCError>, Never>

    struct State {
        var channel: SocketChannel?
        /// Makes the next connection, for whoever holds `connecting`.
        var dialling: Dialling?
        var nextNumber: UInt64 = 0
        /// The first message of this connection that is not confirmed.
        var firstUncertain: UInt64 = 0
        var interruptions: [Interruption] = []
        var isClosed = false
        /// The peer has.
        var hasFinished = false
        /// This side has: what is made from now on is finished, too.
        var hasFinishedSending = false

        /// Remembers an interruption, in as much memory as there is for them.
        mutating func add(_ news: Interruption) {
            guard interruptions.count >= Connector.maximumInterruptions, let last = interruptions.popLast() else {
                return interruptions.append(news)
            }
            let (old, new) = (last.uncertain, news.uncertain)
            let joined = old.isEmpty ? new : new.isEmpty ? old : old.lowerBound..<new.upperBound
            interruptions.append(Interruption(error: news.error, uncertain: joined))
        }
    }

    /// Where the peer listens.
    public let address: SocketAddress
    let options: SocketOptions
    let retry: ConnectRetry
    let state = Lock(State())
    let connecting = TaskLock()
    let sending = TaskLock()

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
        if state.withLock({ $0.hasFinishedSending }) {
            throw IPCError(.finished, "send: this connector has finished; make another one to send more")
        }
        while true {
            let channel = try await channel(until: deadline)
            do throws(IPCError) {
                try await channel.send(message, until: deadline)
                return state.withLock { state in
                    defer { state.nextNumber += 1 }
                    // The connection may have broken meanwhile, and been reported without this one.
                    if state.channel !== channel {
                        state.add(
                            Interruption(
                                error: IPCError(.peerClosed, "send: the connection broke behind this message"),
                                uncertain: state.nextNumber..<state.nextNumber + 1))
                        state.firstUncertain = max(state.firstUncertain, state.nextNumber + 1)
                    }
                    return state.nextNumber
                }
            } catch {
                guard note(error, on: channel, Self.breaksSending(error)) else { throw error }
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
                guard note(error, on: channel, Self.breaksReceiving(error)) else { throw error }
            }
        }
    }

    /// The interruptions that ``receive(until:)`` has not brought yet, which it will not bring any more: for a program that
    /// only sends. Never waits.
    public func takeInterruptions() -> [Interruption] {
        state.withLock { state in
            defer { state.interruptions = [] }
            return state.interruptions
        }
    }

    /// Says that no more will be sent, over a new connection if the last one broke. See ``SocketChannel/finish(until:)``.
    ///
    /// Later calls of `send` throw `.finished`; receiving goes on. A second `finish` does nothing.
    ///
    /// - Throws: `.timedOut` or `.cancelled` when the peer was not told, and then more can be sent; `.closed`; what cannot
    ///   pass by itself.
    public func finish(until deadline: Deadline = .never) async throws(IPCError) {
        try await sending.acquire(until: deadline, "finish")
        defer { _ = sending.release() }
        while !state.withLock({ $0.hasFinishedSending }) {
            let channel = try await channel(until: deadline)
            do throws(IPCError) {
                try await channel.finish(until: deadline)
                state.withLock { $0.hasFinishedSending = true }
            } catch {
                guard note(error, on: channel, Self.breaksSending(error)) else { throw error }
                // A peer that has finished and gone needs no word of it, and no other connection for that.
                state.withLock { if $0.hasFinished { $0.hasFinishedSending = true } }
            }
        }
    }

    /// Closes the connection, and makes no other. Idempotent, never waits; whoever waits gets `.closed`.
    public func close() {
        let (channel, dialling) = state.withLock { state in
            state.isClosed = true
            return (state.channel.take(), state.dialling.take())
        }
        dialling?.cancel()
        channel?.close()
        _ = connecting.close()
        _ = sending.close()
    }
}
