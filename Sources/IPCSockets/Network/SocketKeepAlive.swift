import IPCCore
import IPCSystem

/// How TCP finds out that a peer is gone without a word: its machine lost power, or the network between.
///
/// After `idle` without anything from the peer the kernel asks, then every `interval`, and after `attempts` questions
/// without an answer the connection is over: `receive` throws `.peerClosed`. What was sent and is not acknowledged for as long
/// ends it, too. TCP_KEEPIDLE, TCP_USER_TIMEOUT, tcp(7).
public struct SocketKeepAlive: Sendable, Hashable {
    /// How long nothing has come before the kernel asks: whole seconds, 1 to 32,767.
    public var idle: Duration
    /// How long it waits for an answer before it asks again: whole seconds, 1 to 32,767.
    public var interval: Duration
    /// How often it asks, 1 to 127.
    public var attempts: Int

    /// A peer that is silent for half a minute is asked, and given up within a minute, unless said otherwise.
    public init(idle: Duration = .seconds(30), interval: Duration = .seconds(10), attempts: Int = 3) {
        self.idle = idle
        self.interval = interval
        self.attempts = attempts
    }

    func check() throws(IPCError) {
        let range = Int64(1)...32767
        guard range.contains(idle.components.seconds), range.contains(interval.components.seconds),
            (1...127).contains(attempts)
        else {
            throw IPCError(
                .invalidArgument, "keep-alive: idle and interval are 1 to 32,767 seconds, and attempts 1 to 127")
        }
    }

    /// Sets it on a TCP socket.
    func apply(to number: Int32) throws(SystemCallError) {
        try NetworkCalls.set(number, .keepAliveIdle, Int(idle.components.seconds))
        try NetworkCalls.set(number, .keepAliveInterval, Int(interval.components.seconds))
        try NetworkCalls.set(number, .keepAliveCount, attempts)
        try NetworkCalls.set(number, .keepAlive, 1)
        // The same for what has been sent and is not acknowledged, which TCP would repeat for a quarter of an hour.
        let seconds = idle.components.seconds + interval.components.seconds * Int64(attempts)
        try NetworkCalls.set(number, .userTimeout, Int(seconds * 1000))
    }
}

extension SocketChannel {
    /// Has the network find out when the peer is gone without a word, unless the channel's own options do, or no network is
    /// between.
    ///
    /// - Throws: `.invalidArgument` for a keep-alive that cannot be.
    package func keepAlive(by keepAlive: SocketKeepAlive) throws(IPCError) {
        try keepAlive.check()
        let stream = sender.stream
        guard stream.kind == .networkSocket, stream.beginUse() else { return }
        defer { stream.endUse() }
        try mapping("set up a socket") { () throws(SystemCallError) in
            guard try NetworkCalls.family(stream.number) != .vsock,
                try NetworkCalls.get(stream.number, .keepAlive) == 0
            else { return }
            try keepAlive.apply(to: stream.number)
        }
    }
}
